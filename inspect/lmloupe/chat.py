"""A conversation as the one string that a chat model reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lmloupe.chat_messages import check_messages, check_tools, check_variables
from lmloupe.chat_roles import Segment, read_segments
from lmloupe.chat_template import render_template
from lmloupe.encoding import Encoding, check_text, encode
from lmloupe.errors import NoChatTemplateError
from lmloupe.tokenizer import Tokenizer

__all__ = ["RenderedChat", "Segment", "render_chat"]


@dataclass(frozen=True, slots=True, eq=False)
class RenderedChat:
    """A rendered conversation.

    Attributes:
        text: the whole prompt, special tokens spelled out.
        segments: runs of characters that tile ``text``, cut at the special tokens, each with its role.
            Roles are read from the text, as the model reads it, not from the messages: a header that
            someone typed into a message opens a turn here too, because it does so for the model.
        encoding: ``text`` as tokens. Encoded without adding special tokens: the template has already
            written the bos where the family wants one.
    """

    text: str
    segments: tuple[Segment, ...] = field(repr=False)
    encoding: Encoding = field(repr=False)


def render_chat(
    tok: Tokenizer,
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]] | None = None,
    add_generation_prompt: bool = False,
    template: str | None = None,
    variables: Mapping[str, Any] | None = None,
) -> RenderedChat:
    r"""Write a conversation in a model's chat format.

    Follows transformers' ``apply_chat_template``: the same templates give the same text.

    Args:
        tok: whose format, and whose tokens.
        messages: turns in order, each ``{"role": ..., "content": ...}``; an assistant's turn may have
            ``tool_calls`` in place of a content.
        tools: JSON schemas of functions that the model may call. Formats without tools ignore them.
        add_generation_prompt: end with the header of the assistant's reply, for the model to go on from.
        template: Jinja source in place of ``tok.chat_template``.
        variables: what else the template reads, such as ``{"date_string": "1 Jan 2025"}``. They may
            replace ``bos_token`` and ``eos_token``.

    Raises:
        NoChatTemplateError: a base model, and no ``template``.
        TemplateError: the template is not valid, failed, or refused the conversation; with its line.
        InvalidMessagesError: messages or tools that no template could render.
        InvalidSettingError: variables that are not names with plain values.
        InvalidTextError: a lone surrogate in a text.

    >>> from lmloupe.tokenizer import load_tokenizer
    >>> chat = render_chat(load_tokenizer("phi-3"), [{"role": "user", "content": "Hi"}], add_generation_prompt=True)
    >>> chat.text
    '<|user|>\nHi<|end|>\n<|assistant|>\n'
    >>> chat.encoding.input_ids.tolist()
    [32010, 6324, 32007, 32001]
    >>> [(s.role, chat.text[s.start : s.end]) for s in chat.segments if s.is_special]
    [('user', '<|user|>'), ('user', '<|end|>'), ('assistant', '<|assistant|>')]
    """
    source = tok.chat_template if template is None else template
    if source is None:
        raise NoChatTemplateError(
            f"{tok.name} has no chat template: it is a base model, trained on running text and not on "
            "conversations. Choose an instruct model, or give a template of your own."
        )
    check_text(source)
    given = {
        "messages": check_messages(messages),
        "tools": check_tools(tools),
        "add_generation_prompt": bool(add_generation_prompt),
    }
    special = {"bos_token": tok.bos_token, "eos_token": tok.eos_token}
    names = {"documents": None, **{name: content for name, content in special.items() if content is not None}}
    text = render_template(source, {**names, **check_variables(variables), **given})
    encoding = encode(tok, text, add_special_tokens=False, parse_special_tokens=True)
    return RenderedChat(text, read_segments(encoding), encoding)
