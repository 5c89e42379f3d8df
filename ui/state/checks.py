"""What counts as a conversation, as edited templates and as files of a repository, from a form or from a link.

Messages are kept in the OpenAI form, in which the arguments of a tool call are a text. So arguments that are not JSON
yet are kept as they were typed, and the sentence about them comes when they are rendered. Everything else that a
message may hold is kept as it is: templates of the hub read more than contents.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["MAX_MESSAGES", "ROLES", "files_check", "messages_check", "templates_check"]

ROLES = ("system", "user", "assistant", "tool", "developer", "function", "ipython")
MAX_MESSAGES = 64
MAX_CALLS = 8
MAX_TEMPLATES = 16
MAX_FILES = 16
MAX_DEPTH = 64

TextCheck = Callable[[object], str]


def messages_check(text: TextCheck) -> Callable[[object], list[dict[str, Any]]]:
    """A check of conversations; ``text`` checks each text in them."""

    def check(value: object) -> list[dict[str, Any]]:
        if not isinstance(value, list | tuple) or len(value) > MAX_MESSAGES:
            raise ValueError(f"it must be a list of at most {MAX_MESSAGES} messages")
        return [_message(message, text) for message in value]

    return check


def _message(message: object, text: TextCheck) -> dict[str, Any]:
    if not isinstance(message, dict) or message.get("role") not in ROLES:
        raise ValueError(f"every message must have one of the roles {', '.join(ROLES)}")
    calls = message.get("tool_calls")
    if isinstance(calls, list | tuple) and len(calls) > MAX_CALLS:
        raise ValueError(f"tool_calls must be a list of at most {MAX_CALLS} calls")
    checked: dict[str, Any] = _json(message, text)
    return checked


def _json(value: object, text: TextCheck, depth: int = 0) -> Any:
    if depth > MAX_DEPTH:
        raise ValueError(f"it must be nested at most {MAX_DEPTH} deep")
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_json(item, text, depth + 1) for item in value]
    if isinstance(value, dict):
        return {text(key): _json(item, text, depth + 1) for key, item in value.items()}
    return text(value)


def templates_check(name: Callable[[object], str], text: TextCheck) -> Callable[[object], dict[str, str]]:
    """A check of edited templates by family."""

    def check(value: object) -> dict[str, str]:
        if not isinstance(value, dict) or len(value) > MAX_TEMPLATES:
            raise ValueError(f"it must hold at most {MAX_TEMPLATES} templates by family")
        return {name(family): text(source) for family, source in value.items()}

    return check


def files_check(text: TextCheck) -> Callable[[object], list[dict[str, str]]]:
    """A check of a repository's files, each with a path and a text."""

    def check(value: object) -> list[dict[str, str]]:
        if not isinstance(value, list | tuple) or len(value) > MAX_FILES:
            raise ValueError(f"it must be a list of at most {MAX_FILES} files")
        if not all(isinstance(file, dict) and set(file) == {"path", "text"} for file in value):
            raise ValueError("every file must have a path and a text")
        return [{"path": text(file["path"]), "text": text(file["text"])} for file in value]

    return check
