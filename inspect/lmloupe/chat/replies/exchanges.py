"""A conversation as the requests that a server gets: what the model reads, what is cached already, what it writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmloupe.chat.messages import check_messages
from lmloupe.chat.prefix import Prompts, shared_length
from lmloupe.chat.render import RenderedChat
from lmloupe.chat.templates.file import ChatTemplates
from lmloupe.errors import TemplateError
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["Exchange", "exchanges"]


@dataclass(frozen=True, slots=True, eq=False)
class Exchange:
    """One request for a reply, and the reply.

    Attributes:
        message: index of the reply among the messages; their number, for one that is still to come.
        prompt: the messages before it, with the request for a reply.
        reply_ids: int32 (m,), what the model wrote, the token that ended it included. Where it is not known, the ids
            that the template's own writing of the message has; empty where the reply is still to come.
        is_known: whether ``reply_ids`` were given, and not read off the template.
        n_same: tokens at the beginning of the prompt that are those of the exchange before, its prompt and its reply.
        n_reused: how many of these a server has in its cache: all but the last token of a reply, which the model has
            drawn and not read.
        rendered: the messages with the reply, without a request for another; None where it is still to come, or where
            the template refuses to write that.
        n_kept: tokens at the beginning of prompt and reply that ``rendered`` begins with; 0 without it.
        turns: int32 (n + m,), for each token of prompt and reply the message that it belongs to, -1 for what the
            template writes by itself. The request for a reply belongs to the reply.
    """

    message: int
    prompt: RenderedChat = field(repr=False)
    reply_ids: NDArray[np.int32] = field(repr=False)
    is_known: bool
    n_same: int
    n_reused: int
    rendered: RenderedChat | None = field(repr=False)
    n_kept: int
    turns: NDArray[np.int32] = field(repr=False)

    @property
    def n_prompt(self) -> int:
        """Tokens of the prompt."""
        return len(self.prompt.encoding)

    @property
    def n_read(self) -> int:
        """Tokens of the prompt that no cache has: the model reads them before it writes."""
        return self.n_prompt - self.n_reused

    @property
    def ids(self) -> NDArray[np.int32]:
        """int32 (n + m,), the prompt and the reply: what the model has read and written, and keeps in its cache."""
        return np.concatenate([self.prompt.encoding.input_ids, self.reply_ids]).astype(np.int32)

    @property
    def comes_back(self) -> bool | None:
        """Whether the conversation rendered with the reply begins with all of ``ids``; None where nobody can say."""
        return None if self.rendered is None else self.n_kept == len(self.ids)


def exchanges(
    tok: Tokenizer,
    messages: Sequence[Mapping[str, Any]],
    replies: Mapping[int, ArrayLike] | None = None,
    tools: Sequence[Mapping[str, Any]] | None = None,
    template: str | ChatTemplates | None = None,
    variables: Mapping[str, Any] | None = None,
) -> tuple[Exchange, ...]:
    """Take a conversation apart into its requests: one for each assistant's message, and one for a reply to come.

    A chat is one string that grows. Each request renders all of it again; a server keeps the keys and values of what
    the model has read and written, and reads anew only what comes after the tokens that are the same.

    Args:
        tok: whose tokens.
        messages: the conversation, as `lmloupe.render_chat` takes it.
        replies: the ids that the model wrote, by the index of the assistant's message, the token that ended the reply
            included.
        tools: JSON schemas of functions.
        template: Jinja source or `ChatTemplates` in place of ``tok.chat_template``.
        variables: what else the template reads.

    Returns:
        One `Exchange` a reply, in order. A request that the template refuses is left out, but for the last one.

    Raises:
        NoChatTemplateError, TemplateError, InputError: as `lmloupe.render_chat` says, of the last request.

    >>> from lmloupe import load_tokenizer
    >>> words = (("user", "Hi"), ("assistant", "Hello"), ("user", "Bye"))
    >>> talk = [{"role": role, "content": text} for role, text in words]
    >>> for one in exchanges(load_tokenizer("qwen2"), talk, {1: [9707, 151645]}):  # Hello<|im_end|>
    ...     print(one.message, one.n_prompt, one.n_reused, len(one.reply_ids), one.comes_back)
    1 20 0 2 True
    3 33 21 0 None
    """
    checked = check_messages(messages)
    asked = Prompts(tok, checked, tools, template, variables)
    known = {} if replies is None else replies
    places = [i for i, message in enumerate(checked) if message["role"] == "assistant" and i > 0]
    if checked[-1]["role"] != "assistant":
        places.append(len(checked))
    found: list[Exchange] = []
    for i in places:
        prompt = asked.chat(i, ask=True)
        if isinstance(prompt, str):
            if i == places[-1]:
                raise TemplateError(prompt)
            continue
        found.append(_exchange(asked, i, prompt, known.get(i), i == len(checked), found[-1] if found else None))
    return tuple(found)


def _exchange(
    asked: Prompts, i: int, prompt: RenderedChat, given: ArrayLike | None, to_come: bool, before: Exchange | None
) -> Exchange:
    read = prompt.encoding.input_ids
    answered = "" if to_come else asked.chat(i + 1, ask=False)
    if given is not None:
        reply = np.asarray(given, np.int32).reshape(-1)
    else:
        as_rendered = () if to_come else asked.with_reply(i)
        reply = np.array([] if isinstance(as_rendered, str) else as_rendered[len(read) :], np.int32)
    rendered = None if isinstance(answered, str) else answered
    kept = 0
    if rendered is not None:
        kept = shared_length(np.concatenate([read, reply]), rendered.encoding.input_ids)
    same = 0 if before is None else shared_length(before.ids, read)
    cached = 0 if before is None else before.n_prompt + max(len(before.reply_ids) - 1, 0)
    turns = np.concatenate([_messages_of(prompt, i), np.full(len(reply), i)]).astype(np.int32)
    return Exchange(i, prompt, reply, given is not None, same, min(same, cached), rendered, kept, turns)


def _messages_of(prompt: RenderedChat, reply: int) -> NDArray[np.int32]:
    """For each token of a prompt the message that its first character belongs to."""
    spans = prompt.spans
    owner = [
        reply if span.part == "generation_prompt" else -1 if span.message is None else span.message for span in spans
    ]
    if not spans:
        return np.full(len(prompt.encoding), -1, np.int32)
    at = np.searchsorted([span.start for span in spans], prompt.encoding.offsets[:, 0], side="right") - 1
    return np.array(owner, np.int32)[np.clip(at, 0, len(spans) - 1)]
