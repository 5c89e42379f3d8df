"""A conversation as the one string that a chat model reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmloupe.chat_continue import continued_field, cut_at_final_text
from lmloupe.chat_guarded import trace_untrusted
from lmloupe.chat_mask import assistant_mask, dropped_messages, generation_mask
from lmloupe.chat_messages import check_messages, check_tools, check_variables
from lmloupe.chat_parts import Span, find_spans
from lmloupe.chat_roles import Segment, read_segments
from lmloupe.chat_template_file import ChatTemplates
from lmloupe.chat_trace import Trace, trace_template
from lmloupe.encoding import Encoding, check_text, encode
from lmloupe.errors import NoChatTemplateError
from lmloupe.tokenizer import Tokenizer

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
    """

    text: str
    segments: tuple[Segment, ...] = field(repr=False)
    encoding: Encoding = field(repr=False)
    spans: tuple[Span, ...] = field(repr=False)
    assistant_mask: NDArray[np.bool_] = field(repr=False)
    generation_mask: NDArray[np.bool_] | None = field(repr=False)
    dropped: tuple[int, ...]
    source: str = field(repr=False)


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
            ``tool_calls`` in place of a content.
        tools: JSON schemas of functions that the model may call. Formats without tools ignore them.
        add_generation_prompt: end with the header of the assistant's reply, for the model to go on from.
        template: in place of ``tok.chat_template``: Jinja source, or what `lmloupe.load_chat_templates` read, which
            brings special tokens of its own.
        variables: what else the template reads, such as ``{"date_string": "1 Jan 2025"}``. They may
            replace ``bos_token`` and ``eos_token``.
        continue_final_message: end where the text of the last message ends, for the model to go on from: nothing of the
            template comes behind it, and white space at its end is there only where the template keeps it. A text is
            the name of the field to go on from, ``"reasoning_content"`` for one; True stands for ``"content"``.

    Raises:
        NoChatTemplateError: a base model, and no ``template``; or templates with names, and none of them fits.
        TemplateError: the template is not valid, failed, or refused the conversation; with its line.
        TemplateTimeoutError: a template other than the project's own did not end in time, and was stopped.
        InvalidMessagesError: messages or tools that no template could render.
            Also a last message that cannot be gone on from.
        InvalidSettingError: variables that are not names with plain values, or both ``continue_final_message`` and
            ``add_generation_prompt``.
        InvalidTextError: a lone surrogate in a text.

    >>> from lmloupe.tokenizer import load_tokenizer
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
    own = template if isinstance(template, ChatTemplates) else None
    source = tok.chat_template if template is None else own.choose(tools) if own else str(template)
    if source is None:
        raise NoChatTemplateError(
            f"{tok.name} has no chat template: it is a base model, trained on running text and not on "
            "conversations. Choose an instruct model, or give a template of your own."
        )
    check_text(source)
    checked = check_messages(messages)
    given = {
        "messages": checked,
        "tools": check_tools(tools),
        "add_generation_prompt": bool(add_generation_prompt),
    }
    field_name = continued_field(checked, continue_final_message, add_generation_prompt=add_generation_prompt)
    special: Mapping[str, str | None] = {"bos_token": tok.bos_token, "eos_token": tok.eos_token}
    if own is not None and own.special_tokens is not None:
        special = own.special_tokens
    names = {"documents": None, **{name: content for name, content in special.items() if content is not None}}
    everything = {**names, **check_variables(variables), **given}
    # The project's own templates are known to end, and tests compare their traces with plain rendering.
    is_ours = tok.source == "embedded" and source == tok.chat_template

    def render(conversation: list[dict[str, Any]]) -> Trace:
        values = {**everything, "messages": conversation}
        if is_ours:
            return trace_template(source, values, compare=False, continued=field_name)
        return trace_untrusted(source, values, field_name)

    trace = render(checked)
    if field_name is not None:
        trace = cut_at_final_text(trace, checked, field_name, render)
    encoding = encode(tok, trace.text, add_special_tokens=False, parse_special_tokens=True)
    segments = read_segments(encoding)
    spans = find_spans(trace.text, trace.pieces, segments, special.get("bos_token"), special.get("eos_token"))
    return RenderedChat(
        trace.text,
        segments,
        encoding,
        spans,
        assistant_mask(encoding, spans, checked),
        generation_mask(encoding, trace),
        dropped_messages(trace, checked),
        source,
    )
