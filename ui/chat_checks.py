"""What counts as a conversation, as edited templates and as files of a repository, from a form or from a link.

Messages are kept in the OpenAI form, in which the arguments of a tool call are a text. So arguments that are no JSON
yet are kept as they were typed, and the sentence about them comes when they are rendered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["MAX_MESSAGES", "ROLES", "files_check", "messages_check", "templates_check"]

ROLES = ("system", "user", "assistant", "tool")
MAX_MESSAGES = 64
MAX_CALLS = 8
MAX_TEMPLATES = 16
MAX_FILES = 16

TextCheck = Callable[[object], str]


def messages_check(text: TextCheck) -> Callable[[object], list[dict[str, Any]]]:
    """A check of conversations; ``text`` checks each text in them."""

    def check(value: object) -> list[dict[str, Any]]:
        if not isinstance(value, list | tuple) or len(value) > MAX_MESSAGES:
            raise ValueError(f"it must be a list of at most {MAX_MESSAGES} messages")
        return [_message(message, text) for message in value]

    return check


def _message(message: object, text: TextCheck) -> dict[str, Any]:
    if (
        not isinstance(message, dict)
        or not {"role", "content"} <= set(message) <= {"role", "content", "tool_calls", "tool_call_id", "name"}
        or message["role"] not in ROLES
    ):
        raise ValueError(f"every message must have a content and one of the roles {', '.join(ROLES)}")
    checked: dict[str, Any] = {"role": message["role"], "content": text(message["content"])}
    calls = message.get("tool_calls", [])
    if not isinstance(calls, list | tuple) or len(calls) > MAX_CALLS:
        raise ValueError(f"tool_calls must be a list of at most {MAX_CALLS} calls")
    if calls:
        checked["tool_calls"] = [_call(call, text) for call in calls]
    return checked | {key: text(message[key]) for key in ("tool_call_id", "name") if key in message}


def _call(call: object, text: TextCheck) -> dict[str, Any]:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(call, dict) or not isinstance(function, dict) or not {"name", "arguments"} <= set(function):
        raise ValueError("every tool call must have a function with a name and arguments, which are a text of JSON")
    named = {"name": text(function["name"]), "arguments": text(function["arguments"])}
    identity = {"id": text(call["id"])} if "id" in call else {}
    return identity | {"type": "function", "function": named}


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
