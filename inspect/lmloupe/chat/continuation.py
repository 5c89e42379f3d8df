"""Cut a rendered chat where the text of its final message ends, for the model to go on from there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lmloupe.chat.jinja.trace import REASONING, Trace
from lmloupe.chat.jinja.traced import Run
from lmloupe.chat.messages import REASONING_KEYS
from lmloupe.errors import InvalidMessagesError, InvalidSettingError

__all__ = ["continued_field", "cut_at_final_text", "with_final_text"]

_TAG = "CONTINUE_FINAL_MESSAGE_TAG "
"""Marks the end of the text where the trace does not know it: transformers' own mark, in case a template tests it."""


def continued_field(
    messages: Sequence[Mapping[str, Any]], continue_final_message: bool | str, *, add_generation_prompt: bool
) -> str | None:
    """The field of the final message that the model goes on from; None where it is not to go on.

    Raises:
        InvalidSettingError: a generation prompt is asked for as well.
        InvalidMessagesError: the final message has no text there.

    >>> continued_field([{"role": "assistant", "content": "It is"}], True, add_generation_prompt=False)
    'content'
    """
    if not continue_final_message:
        return None
    if add_generation_prompt:
        raise InvalidSettingError(
            "continue_final_message and add_generation_prompt exclude each other: the first goes on from the last "
            "message, the second opens a new one. Choose one of them."
        )
    field = continue_final_message if isinstance(continue_final_message, str) else "content"
    if _final_text(messages, field) is None:
        raise InvalidMessagesError(
            f"The last message ({str(messages[-1]['role'])[:40]}) has no text under {field[:40]!r} to go on from: "
            "give it one, or ask for a new turn with add_generation_prompt."
        )
    return field


def cut_at_final_text(
    trace: Trace,
    messages: Sequence[Mapping[str, Any]],
    field: str,
    render: Callable[[list[dict[str, Any]]], Trace],
) -> Trace:
    """The trace up to the end of the final message's text.

    The trace says where it ends, also where the template trims it. Where it does not know, the conversation is rendered
    once more with a mark at the end of that text, as transformers does it always.

    Args:
        trace: of all of it.
        messages: what was rendered.
        field: from `continued_field`.
        render: traces other messages in the same way.

    Raises:
        InvalidMessagesError: the template does not write the end of that text.
    """
    end = _end_in_trace(trace, messages, field)
    if end is None:
        trace = render(with_final_text(messages, field, lambda text: text + _TAG))
        mark = _TAG.strip()
        end = trace.text.rfind(mark)
        if end < 0:
            raise InvalidMessagesError(
                f"The last message ({str(messages[-1]['role'])[:40]}) cannot be gone on from: the template does not "
                "write the end of its text. Give it a role that the template knows, or another template."
            )
        if not trace.text.startswith(_TAG, end):
            end = len(trace.text[:end].rstrip())
    return Trace(trace.text[:end], tuple(_pieces(trace.pieces, end)), trace.has_generation_marks, trace.followed)


def _final_text(messages: Sequence[Mapping[str, Any]], field: str) -> str | None:
    value = messages[-1].get(field)
    if isinstance(value, (list, tuple)):
        value = next((part["text"] for part in reversed(value) if isinstance(part, dict) and "text" in part), None)
    return value if isinstance(value, str) else None


def with_final_text(
    messages: Sequence[Mapping[str, Any]], field: str, change: Callable[[str], str]
) -> list[dict[str, Any]]:
    """The conversation with another text to go on from; ``field`` is from `continued_field`.

    >>> with_final_text([{"role": "assistant", "content": "It is"}], "content", lambda text: text + " 4.")
    [{'role': 'assistant', 'content': 'It is 4.'}]
    """
    final = dict(messages[-1])
    if isinstance(final[field], str):
        copies = REASONING_KEYS if field in REASONING_KEYS else (field,)
        final |= {key: change(final[key]) for key in copies if final.get(key) == messages[-1][field]}
    else:
        parts = list(final[field])
        at = max(i for i, part in enumerate(parts) if isinstance(part, dict) and "text" in part)
        parts[at] = {**parts[at], "text": change(parts[at]["text"])}
        final[field] = type(final[field])(parts)
    return [*map(dict, messages[:-1]), final]


def _end_in_trace(trace: Trace, messages: Sequence[Mapping[str, Any]], field: str) -> int | None:
    """Where the last characters copied from the final text end, if they are its end but for white space."""
    text, value = _final_text(messages, field) or "", messages[-1][field]
    path: tuple[Any, ...] = (REASONING if field in REASONING_KEYS else field,)
    if not isinstance(value, str):
        path = (*path, max(i for i, part in enumerate(value) if isinstance(part, dict) and "text" in part), "text")
    at, end, tail = 0, None, ""
    for length, origin, _, _ in trace.pieces:
        is_final = origin is not None and origin.message == len(messages) - 1 and origin.path == path
        if is_final and (length or not text.strip()):
            tail = (tail if end == at else "") + trace.text[at : at + length]
            end = at + length
        at += length
    return end if text.rstrip().endswith(tail.strip()) else None


def _pieces(pieces: Sequence[Run], end: int) -> list[Run]:
    """The pieces up to ``end``."""
    kept: list[Run] = []
    at = 0
    for length, origin, site, turn in pieces:
        if at > end or (at == end and length):
            break
        kept.append((min(length, end - at), origin, site, turn))
        at += length
    return kept
