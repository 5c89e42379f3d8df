"""Write and read conversations as JSON in the form of OpenAI's chat completions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from lmloupe.chat.messages import ROLES, check_tools, plain_messages
from lmloupe.errors import InvalidMessagesError

__all__ = ["messages_from_json", "messages_to_json"]


def messages_to_json(
    messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] | None = None, indent: int | None = 2
) -> str:
    r"""Write a conversation as OpenAI's chat completions API takes it.

    There the arguments of a tool call are JSON in a string, and a message that only calls tools has the content null.

    Args:
        messages: as `lmloupe.render_chat` takes them.
        tools: JSON schemas of functions.
        indent: spaces for each level, None for one line.

    Raises:
        InvalidMessagesError: not a conversation, or a value that is not JSON.
        InvalidTextError: a lone surrogate.

    >>> print(messages_to_json([{"role": "user", "content": "Hi"}], indent=None))
    {"messages": [{"role": "user", "content": "Hi"}]}
    """
    whole: dict[str, Any] = {"messages": [_outgoing(message) for message in plain_messages(messages)]}
    if tools is not None:
        whole["tools"] = check_tools(tools)
    return json.dumps(whole, ensure_ascii=False, indent=indent)


def _outgoing(message: Mapping[str, Any]) -> dict[str, Any]:
    given = {key: value for key, value in message.items() if value is not None or key == "content"}
    if "tool_calls" in given:
        given.setdefault("content", None)
        given["tool_calls"] = [_outgoing_call(call) for call in given["tool_calls"]]
    return given


def _outgoing_call(call: Any) -> Any:
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping) or isinstance(function.get("arguments"), str | None):
        return call
    arguments = json.dumps(function["arguments"], ensure_ascii=False)
    return {**call, "function": {**function, "arguments": arguments}}


def messages_from_json(text: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]] | None]:
    """Read a conversation in the form of OpenAI's chat completions.

    Args:
        text: an object with ``messages`` and perhaps ``tools``, or the list of messages alone; a byte order mark
            before it is passed over.

    Returns:
        The messages as templates read them: arguments of tool calls as values, a content that is a list of texts as
        one text, and everything else as it stands; and the tools, None where there are none.

    Raises:
        InvalidMessagesError: not JSON, or not a conversation; the sentence names the place.
        InvalidTextError: half of a surrogate pair in a text.

    >>> messages_from_json('[{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]')
    ([{'role': 'user', 'content': 'Hi'}], None)
    """
    try:
        parsed = json.loads(text.removeprefix("\ufeff"))
    except RecursionError:
        _refuse("The JSON nests its brackets too deep to be a conversation: flatten it.")
    except json.JSONDecodeError as error:
        _refuse(f"Line {error.lineno}, column {error.colno} is not JSON ({error.msg}): correct it there.", error)
    except ValueError as error:
        _refuse(f"The JSON holds a number that is too long ({error}): shorten it.", error)
    whole = parsed if isinstance(parsed, dict) else {"messages": parsed}
    if "messages" not in whole:
        _refuse('The JSON object has no messages: give {"messages": [...]}, or the list alone.')
    if not isinstance(whole["messages"], list):
        _refuse(f"The messages are {_name(whole['messages'])}: give a list.")
    messages = [_incoming(message, f"Message {i}") for i, message in enumerate(whole["messages"], start=1)]
    return plain_messages(messages, ROLES), check_tools(whole.get("tools"))


def _incoming(message: Any, place: str) -> dict[str, Any]:
    if not isinstance(message, dict):
        _refuse(f"{place} is {_name(message)}: a message is an object with a role and a content.")
    given = {key: value for key, value in message.items() if value is not None}
    content = given.get("content")
    # One text for templates of text models; with other parts between them, the template reads the list.
    if isinstance(content, list) and content and all(map(_is_text, content)):
        given["content"] = "".join(part["text"] for part in content)
    if isinstance(given.get("tool_calls"), list):
        calls = enumerate(given["tool_calls"], start=1)
        given["tool_calls"] = [_incoming_call(call, f"{place}, tool call {i}") for i, call in calls]
    return given


def _is_text(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type", "text") == "text" and isinstance(part.get("text"), str)


def _incoming_call(call: Any, place: str) -> Any:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("arguments"), str):
        return call
    try:
        arguments = json.loads(function["arguments"] or "{}")
    except (ValueError, RecursionError) as error:
        _refuse(f"{place}: its arguments are not JSON ({error}): correct them.", error)
    return {**call, "function": {**function, "arguments": arguments}}


def _name(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _refuse(sentence: str, cause: Exception | None = None) -> NoReturn:
    raise InvalidMessagesError(sentence) from cause
