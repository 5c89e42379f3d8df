"""Check whether the ids that a model wrote come back when its reply is rendered as a turn of the conversation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmloupe.chat.continuation import with_final_text
from lmloupe.chat.prefix import shared_length
from lmloupe.chat.render import RenderedChat, render_chat
from lmloupe.chat.templates.file import ChatTemplates
from lmloupe.encodings.encoding import decode
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["ReplyComparison", "compare_reply", "reply_text"]


@dataclass(frozen=True, slots=True, eq=False)
class ReplyComparison:
    """What a model has read and written, against the same conversation rendered with its reply.

    Attributes:
        text: the reply as an application keeps it: decoded, special tokens left out.
        written_ids: int32 (n,), the prompt and the reply as the model has them.
        n_prompt: how many of these are the prompt's.
        rendered: the conversation with the reply as an assistant's message.
        n_kept: ids at the beginning in which both agree.
    """

    text: str
    written_ids: NDArray[np.int32] = field(repr=False)
    n_prompt: int
    rendered: RenderedChat = field(repr=False)
    n_kept: int

    @property
    def comes_back(self) -> bool:
        """Whether the rendered conversation begins with everything that the model has read and written."""
        return self.n_kept == len(self.written_ids)

    @property
    def position(self) -> int | None:
        """Index in ``written_ids`` of the first id that does not come back; below ``n_prompt`` it is the prompt's."""
        return None if self.comes_back else self.n_kept

    @property
    def n_lost(self) -> int:
        """Tokens of the model's cache that the next prompt cannot use."""
        return len(self.written_ids) - self.n_kept


def compare_reply(
    tok: Tokenizer,
    messages: Sequence[Mapping[str, Any]],
    reply_ids: Sequence[int] | NDArray[np.integer],
    tools: Sequence[Mapping[str, Any]] | None = None,
    template: str | ChatTemplates | None = None,
    variables: Mapping[str, Any] | None = None,
    *,
    continue_final_message: bool | str = False,
) -> ReplyComparison:
    """Append a reply to its conversation, render it again, and see whether its ids come back.

    Often they do not: the tokenizer cuts the same words in another way, the template trims or drops a part of the turn,
    or it ends the turn with another token than the model did. The next request then reads other ids than those that the
    model has written and cached.

    Args:
        tok: the model's tokenizer.
        messages: what the model answered to.
        reply_ids: what it wrote, the token that ended it included.
        tools: as the prompt was rendered with, like the two that follow; see `lmloupe.render_chat`.
        template: in place of ``tok.chat_template``.
        variables: what else the template reads.
        continue_final_message: the model went on from the last message, and the reply is put at the end of that one. A
            text names the field, as in `lmloupe.render_chat`.

    Raises:
        LoupeError: as `lmloupe.render_chat` says.

    >>> from lmloupe import load_tokenizer
    >>> tok, talk = load_tokenizer("qwen2"), [{"role": "user", "content": "Hi"}]
    >>> compare_reply(tok, talk, [9707, 151645]).comes_back  # Hello<|im_end|>
    True
    >>> found = compare_reply(tok, talk, [39, 68, 75, 385, 151645])  # He l lo
    >>> found.text, found.position - found.n_prompt
    ('Hello', 0)
    """
    prompt = render_chat(
        tok,
        messages,
        tools,
        not continue_final_message,
        template,
        variables,
        continue_final_message=continue_final_message,
    )
    text = reply_text(tok, reply_ids)
    if continue_final_message:
        # Some decoders take away a space where a text begins, and here it goes on.
        begun = reply_text(tok, prompt.encoding.input_ids)
        whole = reply_text(tok, [*prompt.encoding.input_ids, *reply_ids])
        text = whole.removeprefix(begun) if whole.startswith(begun) else text
        field_name = continue_final_message if isinstance(continue_final_message, str) else "content"
        conversation = with_final_text(messages, field_name, lambda begun: _continued(begun, prompt.text) + text)
    else:
        conversation = [*map(dict, messages), {"role": "assistant", "content": text}]
    rendered = render_chat(tok, conversation, tools, False, template, variables)
    written = np.concatenate([prompt.encoding.input_ids, np.asarray(reply_ids, np.int32).reshape(-1)]).astype(np.int32)
    kept = shared_length(written, rendered.encoding.input_ids)
    return ReplyComparison(text, written, len(prompt.encoding), rendered, kept)


def reply_text(tok: Tokenizer, ids: Sequence[int] | NDArray[np.integer]) -> str:
    """A reply as an application keeps it: as transformers decodes with ``skip_special_tokens=True``.

    Args:
        tok: the model's tokenizer.
        ids: what the model wrote; an id that no token has has no text.

    >>> from lmloupe import load_tokenizer
    >>> reply_text(load_tokenizer("qwen2"), [9707, 151645])  # Hello<|im_end|>
    'Hello'
    """
    special = set(tok.special_tokens.values())
    named = (i for i in map(int, ids) if not 0 <= i < 1 << 31 or tok.backend.id_to_token(i) is not None)
    return decode(tok, [i for i in named if i not in special])


def _continued(content: str, prompt: str) -> str:
    """The message that the model went on from, as the prompt has it: a template may trim its end."""
    return content if prompt.endswith(content) else content.rstrip()
