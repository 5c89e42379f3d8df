"""What a template left out of a conversation, in words: what is missing, and who would write it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import lmloupe as lm
from ui.chat.conversation.bubbles import tool_words
from ui.components.prompt_view import Lost

__all__ = ["lost_parts", "lost_words"]

MAX_CHARACTERS = 120
_STEP = re.compile(r"[^.\[\]]+")
_CUT = re.compile(r"content\[(\d+):(\d+)\]")
_CALL = re.compile(r"tool_calls\[(\d+)\]")


def lost_parts(
    chat: lm.RenderedChat,
    label: str,
    messages: Sequence[dict[str, Any]],
    tools: Sequence[dict[str, Any]] | None,
) -> list[Lost]:
    """One entry for each part that matters and that nothing was written of.

    Args:
        chat: what was rendered.
        label: whose template it is, as people know it.
        messages: what was given.
        tools: likewise.
    """
    found = []
    for part in chat.dropped_parts:
        if not part.matters:
            continue
        whole = part.message is not None and not part.path
        advice = " Put its text into a role that the template knows." if whole else ""
        call = _CALL.match(part.path) if part.message is not None else None
        found.append(
            Lost(
                part.message,
                int(call[1]) if call else None,
                whole or part.path == "content",
                lost_words(part, messages, tools),
                f"{label}'s template writes nothing of {part.words}: the model never sees it.{advice}",
            )
        )
    return found


def lost_words(part: lm.DroppedPart, messages: Sequence[dict[str, Any]], tools: Sequence[dict[str, Any]] | None) -> str:
    """The beginning of what is missing, as one reads it.

    >>> lost_words(lm.DroppedPart(0, "content[0:5]", "..."), [{"role": "user", "content": "Hello you"}], None)
    'Hello'
    """
    if part.message is None:
        value = _at({"tools": list(tools or ())}, part.path)
    else:
        message = messages[part.message]
        cut = _CUT.fullmatch(part.path)
        value = message["content"][int(cut[1]) : int(cut[2])] if cut else _at(message, part.path or "content")
    text = " ".join(_as_text(value).split()) or part.words
    return text if len(text) <= MAX_CHARACTERS else text[: MAX_CHARACTERS - 1] + "…"


def _at(value: Any, path: str) -> Any:
    for step in _STEP.findall(path):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list | tuple) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def _as_text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    function = value.get("function") if isinstance(value, dict) else None
    if isinstance(function, dict) and "arguments" in function:
        return f"{function.get('name')}({_as_text(function['arguments'])})"
    if isinstance(function, dict):
        return tool_words(value)
    return json.dumps(value, ensure_ascii=False)
