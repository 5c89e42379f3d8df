"""Render a conversation as the one string that a chat model reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmloupe.chat.continuation import continued_field, cut_at_final_text
from lmloupe.chat.jinja.dropped import DroppedPart, find_dropped, is_dropped
from lmloupe.chat.jinja.trace import Followed, Trace, trace_template
from lmloupe.chat.jinja.untrusted import trace_untrusted, unwritten_untrusted
from lmloupe.chat.jinja.unwritten import unwritten
from lmloupe.chat.loss_mask import assistant_mask, generation_mask
from lmloupe.chat.messages import check_messages, check_tools, check_variables
from lmloupe.chat.roles import Segment, read_segments
from lmloupe.chat.spans import ChatPiece, Span, find_pieces
from lmloupe.chat.templates.choice import choose_template
from lmloupe.chat.templates.file import ChatTemplates
from lmloupe.encodings.encoding import Encoding, encode
from lmloupe.errors import TemplateError
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["RenderedChat", "Segment", "Span", "render_chat"]


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
        spans: runs of characters that tile ``text``, each with the line of the template that wrote it, the message
            that it belongs to, and its part of the turn.
        assistant_mask: bool (n,), the tokens that an instruction fine-tuning run trains on: what the assistant's
            turns hold behind their headers, and the token that ends them, without white space behind it. From the
            trace alone.
        generation_mask: bool (n,), the same as the template marks it with ``{% generation %}``; None where the
            template has no such marks.
        dropped: indexes of messages with a content of which the template wrote nothing.
        source: the template that was used.
        dropped_parts: everything else that the template wrote nothing of, each by its part: tools, calls, the content
            beside a call, reasoning, names. A message of which every part is missing is one part.
        followed: how far the characters could be followed: ``"values"``, to the line and the message that each is
            from; ``"lines"``, to the line alone; ``"nothing"``, where following them changed the text. Then ``text``
            is that of plain rendering, and spans and masks say nothing.
        differs_without_tools: the tools are an empty list, and without it the text is another one.
        pieces: ``text`` cut where ``segments`` or ``spans`` are cut, each piece with its segment and its span.
    """

    text: str
    segments: tuple[Segment, ...] = field(repr=False)
    encoding: Encoding = field(repr=False)
    spans: tuple[Span, ...] = field(repr=False)
    assistant_mask: NDArray[np.bool_] = field(repr=False)
    generation_mask: NDArray[np.bool_] | None = field(repr=False)
    dropped: tuple[int, ...]
    source: str = field(repr=False)
    dropped_parts: tuple[DroppedPart, ...] = ()
    followed: Followed = field(repr=False, default="values")
    differs_without_tools: bool = field(repr=False, default=False)
    pieces: tuple[ChatPiece, ...] = field(repr=False, default=())


def render_chat(
    tok: Tokenizer,
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]] | None = None,
    add_generation_prompt: bool = False,
    template: str | ChatTemplates | None = None,
    variables: Mapping[str, Any] | None = None,
    *,
    continue_final_message: bool | str = False,
) -> RenderedChat:
    r"""Write a conversation in a model's chat format.

    Follows transformers' ``apply_chat_template``: the same templates give the same text.

    Args:
        tok: whose format, and whose tokens.
        messages: turns in order, each ``{"role": ..., "content": ...}``; an assistant's turn may have
            ``tool_calls`` or ``reasoning_content``. Any JSON value may be a content: what it becomes is the template's
            affair.
        tools: JSON schemas of functions that the model may call. Formats without tools ignore them.
        add_generation_prompt: end with the header of the assistant's reply, for the model to go on from.
        template: in place of the tokenizer's own: Jinja source, the name of one of ``tok.chat_templates``, or what
            `lmloupe.load_chat_templates` read, which brings special tokens of its own.
        variables: what else the template reads, such as ``{"date_string": "1 Jan 2025"}``. They may
            replace special tokens such as ``bos_token``.
        continue_final_message: end where the text of the last message ends, for the model to go on from: nothing of the
            template comes behind it, and white space at its end is there only where the template keeps it. A text is
            the name of the field to go on from, ``"reasoning_content"`` for one; True stands for ``"content"``.

    Raises:
        NoChatTemplateError: no template, as `lmloupe.choose_template` says.
        TemplateError: the template is not valid, failed, or refused the conversation; with its line.
        TemplateTimeoutError: a template other than the project's own did not end in time, and was stopped.
        InvalidMessagesError: messages or tools that no template could render.
            Also a last message that cannot be gone on from.
        InvalidSettingError: variables that are not names with plain values, or both ``continue_final_message`` and
            ``add_generation_prompt``.
        InvalidTextError: a lone surrogate in a text.

    >>> from lmloupe import load_tokenizer
    >>> chat = render_chat(load_tokenizer("phi-3"), [{"role": "user", "content": "Hi"}], add_generation_prompt=True)
    >>> chat.text
    '<|user|>\nHi<|end|>\n<|assistant|>\n'
    >>> chat.encoding.input_ids.tolist()
    [32010, 6324, 32007, 32001]
    >>> [(chat.text[s.start : s.end], s.line, s.message, s.part) for s in chat.spans][:2]
    [('<|user|>\n', 15, 0, 'header'), ('Hi', 16, 0, 'content')]
    >>> [(s.role, chat.text[s.start : s.end]) for s in chat.segments if s.is_special]
    [('user', '<|user|>'), ('user', '<|end|>'), ('assistant', '<|assistant|>')]
    >>> begun = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello, I"}]
    >>> render_chat(load_tokenizer("phi-3"), begun, continue_final_message=True).text
    '<|user|>\nHi<|end|>\n<|assistant|>\nHello, I'
    """
    source = choose_template(tok, tools, template)
    checked = check_messages(messages)
    given = {
        "messages": checked,
        "tools": check_tools(tools),
        "add_generation_prompt": bool(add_generation_prompt),
    }
    field_name = continued_field(checked, continue_final_message, add_generation_prompt=add_generation_prompt)
    special = tok.named_tokens
    if isinstance(template, ChatTemplates) and template.special_tokens is not None:
        special = template.special_tokens
    everything = {"documents": None, **special, **check_variables(variables), **given}

    def render(conversation: list[dict[str, Any]]) -> Trace:
        return _trace(tok, source, {**everything, "messages": conversation})

    trace = render(checked)
    look = partial(unwritten if _is_ours(tok, source) else unwritten_untrusted, source, everything)
    lost = find_dropped(everything, trace, look)
    without_tools = given["tools"] == [] and _differs_without_tools(tok, everything, trace.text, template)
    if field_name is not None:
        trace = cut_at_final_text(trace, checked, field_name, render)
    encoding = encode(tok, trace.text, add_special_tokens=False, parse_special_tokens=True)
    segments = read_segments(encoding)
    pieces = find_pieces(trace.text, trace.pieces, segments, special.get("bos_token"), special.get("eos_token"))
    spans = tuple(span for span, _ in groupby(piece.span for piece in pieces))
    return RenderedChat(
        trace.text,
        segments,
        encoding,
        spans,
        assistant_mask(encoding, spans, checked),
        generation_mask(encoding, trace),
        tuple(i for i, message in enumerate(checked) if is_dropped(lost, i, message)),
        source,
        lost,
        trace.followed,
        without_tools,
        pieces,
    )


def _is_ours(tok: Tokenizer, source: str) -> bool:
    # The project's own templates are known to end.
    return tok.source == "embedded" and source == tok.chat_template


def _trace(tok: Tokenizer, source: str, variables: Mapping[str, Any]) -> Trace:
    return trace_template(source, variables) if _is_ours(tok, source) else trace_untrusted(source, variables)


def _differs_without_tools(tok: Tokenizer, everything: dict[str, Any], text: str, template: Any) -> bool:
    """Whether no tools give another text than the empty list, for which templates often write a heading."""
    try:
        source = choose_template(tok, None, template)
        return _trace(tok, source, {**everything, "tools": None}).text != text
    except TemplateError:
        return True
