"""What a conversation has to be before a template sees it: messages with a role, made of plain JSON values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lmloupe.errors import InputError, InvalidMessagesError, InvalidSettingError, InvalidTextError

__all__ = ["check_messages", "check_tools", "check_variables"]

_MAX_BITS = 13_500  # Python itself writes and reads numbers of 4,300 digits at most
_MAX_DEPTH = 64  # deeper than any real tool schema; also ends a list that contains itself
_ARGUMENTS = ("messages", "tools", "add_generation_prompt")
# Templates read a model's reasoning under `reasoning_content`; older ones under `thinking`.
_REASONING_KEYS = ("reasoning_content", "thinking", "reasoning")


def check_messages(messages: object) -> list[dict[str, Any]]:
    """A copy of a conversation made of plain dicts, lists, strings and numbers.

    Keys whose value is None are dropped, and reasoning is filed under each name that templates use,
    both as transformers does it.

    Raises:
        InvalidMessagesError: not a list of mappings with a role, or a value that is not JSON. Whether a content is
            missing, a text, a number or a list of parts is the template's affair.
        InvalidTextError: a lone surrogate; the message names the place.

    >>> check_messages([{"role": "user", "content": "Hi", "name": None}])
    [{'role': 'user', 'content': 'Hi'}]
    >>> check_messages([{"content": "Hi"}])
    Traceback (most recent call last):
    lmloupe.InvalidMessagesError: Message 1 has no role: give it a text such as 'system', 'user' or 'assistant'.
    """
    if not isinstance(messages, (list, tuple)):
        raise InvalidMessagesError(
            f"A conversation is a list of messages such as {{'role': 'user', 'content': 'Hi'}}, not {_kind(messages)}."
        )
    if not messages:
        raise InvalidMessagesError("The conversation is empty: add a message.")
    return [_message(message, f"Message {number}") for number, message in enumerate(messages, start=1)]


def _message(message: object, place: str) -> dict[str, Any]:
    if not isinstance(message, Mapping):
        raise InvalidMessagesError(f"{place} is {_kind(message)}: a message is a dict with a role and a content.")
    given = {key: value for key, value in message.items() if value is not None}
    role = given.get("role")
    if not isinstance(role, str) or not role:
        raise InvalidMessagesError(
            f"{place} has no role: give it a text such as 'system', 'user' or 'assistant'."
            if role in (None, "")
            else f"{place} has {_kind(role)} as its role: give it a text such as 'system', 'user' or 'assistant'."
        )
    plain: dict[str, Any] = _plain(given, place, InvalidMessagesError)
    reasoning = next((plain[key] for key in _REASONING_KEYS if key in plain), None)
    if reasoning is not None:
        plain = {"thinking": reasoning, **plain, "reasoning_content": reasoning}
    return plain


def check_tools(tools: object) -> list[dict[str, Any]] | None:
    """A copy of tool definitions made of plain values, or None.

    Raises:
        InvalidMessagesError: not a list of mappings, or a value that is not JSON.
        InvalidTextError: a lone surrogate.

    >>> check_tools([{"type": "function", "function": {"name": "now"}}])
    [{'type': 'function', 'function': {'name': 'now'}}]
    """
    if tools is None:
        return None
    if not isinstance(tools, (list, tuple)):
        raise InvalidMessagesError(f"Tools are a list of JSON schemas, not {_kind(tools)}.")
    for number, tool in enumerate(tools, start=1):
        if not isinstance(tool, Mapping):
            raise InvalidMessagesError(f"Tool {number} is {_kind(tool)}: a tool is a dict, its JSON schema.")
    return [_plain(tool, f"Tool {number}", InvalidMessagesError) for number, tool in enumerate(tools, start=1)]


def check_variables(variables: object) -> dict[str, Any]:
    """A copy of a template's extra variables made of plain values.

    Raises:
        InvalidSettingError: not a mapping of names, a value that is not JSON, or the name of one of
            `render_chat`'s own arguments.
        InvalidTextError: a lone surrogate.

    >>> check_variables({"date_string": "1 Jan 2025"})
    {'date_string': '1 Jan 2025'}
    """
    if variables is None:
        return {}
    if not isinstance(variables, Mapping):
        raise InvalidSettingError(f"Template variables are a dict of names and values, not {_kind(variables)}.")
    for name in variables:
        if not isinstance(name, str):
            raise InvalidSettingError(f"Template variables have {_kind(name)} as a name: names are texts.")
    for name in _ARGUMENTS:
        if name in variables:
            raise InvalidSettingError(f"{name!r} is no template variable to set: pass it as the argument {name}=.")
    plain: dict[str, Any] = _plain(variables, "Template variables", InvalidSettingError)
    return plain


def _plain(value: object, place: str, error: type[InputError], depth: int = 0) -> Any:
    # The sandbox trusts the methods of what it is given, so it is given nothing but JSON's types,
    # and no subclass of them.
    if depth > _MAX_DEPTH:
        raise error(f"{place} is nested more than {_MAX_DEPTH} deep: flatten it.")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value, place)
    if isinstance(value, int):
        if value.bit_length() > _MAX_BITS:
            raise error(f"{place} is a whole number of more than 4,000 digits, which JSON readers refuse: shorten it.")
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, Mapping):
        return {
            _key(key, place, error): _plain(item, f"{place}, {key!r}", error, depth + 1) for key, item in value.items()
        }
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview, range)):
        items = [_plain(item, f"{place}, item {i}", error, depth + 1) for i, item in enumerate(value, start=1)]
        # Templates write a tuple otherwise than a list, so one stays one.
        return tuple(items) if isinstance(value, tuple) else items
    raise error(f"{place} holds {_kind(value)}: use texts, numbers, lists and dicts only.")


def _key(key: object, place: str, error: type[InputError]) -> str | int | float | None:
    # JSON writes such keys as texts, and Jinja finds `arguments[1]` under a whole number only.
    if key is None or isinstance(key, (bool, int, float)):
        plain: int | float | None = _plain(key, place, error)
        return plain
    if not isinstance(key, str):
        raise error(f"{place} has {_kind(key)} as a key: keys are texts or numbers.")
    return _text(key, f"{place}, a key")


def _text(text: str, place: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidTextError(
            f"{place}: character {error.start} is U+{ord(text[error.start]):04X}, half of a surrogate pair, "
            "and no character of its own: remove it or paste the text again."
        ) from error
    return str.__str__(text)


def _kind(value: object) -> str:
    return "nothing" if value is None else f"a value of the type {type(value).__name__}"
