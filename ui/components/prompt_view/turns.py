"""A conversation as fields to edit in the browser, and back: what nobody touched keeps its value and its type."""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from typing import Any

from lmloupe.chat.messages import REASONING_KEYS

__all__ = ["messages_of", "turns_of"]

Messages = list[dict[str, Any]]
MAX_TURNS = 1000


def turns_of(messages: Messages) -> list[dict[str, Any]]:
    """For each message its role, its texts and its tool calls as the bubbles show them.

    >>> turns_of([{"role": "user", "content": "Hi"}])[0]["fields"]
    [{'name': 'content', 'label': 'Text', 'text': 'Hi'}]
    """
    return [_turn(i, message) for i, message in enumerate(messages)]


def _turn(i: int, message: dict[str, Any]) -> dict[str, Any]:
    content = message.get("content")
    plain = content is None or isinstance(content, str)
    names = {"content": "Text" if plain else "Content, JSON"}
    names |= {name: name for name in REASONING_KEYS if isinstance(message.get(name), str)}
    if message["role"] == "tool":
        names["name"] = "Name of the tool"
    calls = message.get("tool_calls")
    listed = calls if isinstance(calls, list) else []
    known = {"role", "tool_call_id", *names, *(["tool_calls"] if isinstance(calls, list) else [])}
    return {
        "at": i,
        "role": message["role"],
        "fields": [{"name": name, "label": label, "text": _text(message.get(name))} for name, label in names.items()],
        "calls": [_call(j, call) for j, call in enumerate(listed)],
        "more": ", ".join(str(name) for name in message if name not in known),
    }


def _call(j: int, call: object) -> dict[str, Any]:
    function = _function(call)
    if function is None:
        return {"at": j, "name": "", "arguments": "", "form": False}
    return {"at": j, "name": function["name"], "arguments": _text(function["arguments"]), "form": True}


def _function(call: object) -> dict[str, Any] | None:
    """The function of a call in OpenAI's form; None for any other form."""
    function = call.get("function") if isinstance(call, dict) else None
    plain = isinstance(function, dict) and isinstance(function.get("name"), str) and "arguments" in function
    return function if plain else None


def messages_of(sent: str, pushed: Messages) -> Messages:
    """The conversation that a browser's turns stand for.

    Args:
        sent: JSON from a browser: a list as from `turns_of`, changed, in any order, new turns have None as ``at``.
        pushed: the messages that the browser had got.

    Raises:
        ValueError: what was sent has another form.
    """
    try:
        turns = json.loads(sent)
        if len(turns) > MAX_TURNS:
            raise ValueError("it has too many turns")
        return [_message(turn, pushed) for turn in turns]
    except (TypeError, KeyError, AttributeError, IndexError, RecursionError) as error:
        raise ValueError("it is not a list of turns") from error


def _message(turn: dict[str, Any], pushed: Messages) -> dict[str, Any]:
    at = turn["at"]
    message: dict[str, Any] = copy.deepcopy(pushed[at]) if _is_place(at, pushed) else {"role": "", "content": ""}
    message["role"] = turn["role"]
    for field in turn["fields"]:
        if field["name"] in ("content", "name", *REASONING_KEYS):
            _take(message, field["name"], field["text"])
    had = message.get("tool_calls", [])
    if isinstance(had, list) and (had or turn["calls"]):
        calls = [_taken_call(call, had) for call in turn["calls"]]
        message["tool_calls"] = calls
        if not calls:
            del message["tool_calls"]
    return message


def _taken_call(sent: dict[str, Any], had: list[Any]) -> Any:
    at = sent["at"]
    if _is_place(at, had):
        call = had[at]
    else:
        function: dict[str, Any] = {"name": "", "arguments": {}}
        call = {"id": f"call_{len(had) + 1}", "type": "function", "function": function}
    if (known := _function(call)) is not None:
        _take(known, "name", sent["name"])
        _take(known, "arguments", sent["arguments"])
    return call


def _is_place(at: object, items: list[Any]) -> bool:
    return isinstance(at, int) and not isinstance(at, bool) and 0 <= at < len(items)


def _text(value: object) -> str:
    """A value as its field shows it: a text unchanged, any other value as JSON."""
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)


def _take(owner: dict[str, Any], name: str, typed: object) -> None:
    """Store what a field contains; a value that was not edited keeps its type."""
    if not isinstance(typed, str):
        raise TypeError("a field is a text")
    value = owner.get(name)
    if typed == _text(value):
        return
    owner[name] = typed
    if value is not None and not isinstance(value, str):
        with suppress(ValueError, RecursionError):  # not JSON, so a text
            owner[name] = json.loads(typed)
