"""The one form of a conversation, and the one check of it: messages with a role, made of plain JSON values.

Forms, links, files and `lmloupe.render_chat` all go through `plain_messages`. In this form the arguments of a tool call
are a value, as templates read them; only OpenAI's JSON has them as a text (`lmloupe.chat.openai_json`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lmloupe.errors import InputError, InvalidMessagesError, InvalidSettingError, InvalidTextError

__all__ = [
    "REASONING_KEYS",
    "RESULT_ROLES",
    "ROLES",
    "argument_values",
    "called_functions",
    "check_messages",
    "check_tools",
    "check_variables",
    "plain_messages",
]

ROLES = ("system", "user", "assistant", "tool", "developer", "function", "ipython")
"""The roles of OpenAI's form, and Llama's name for a tool. Templates may know others."""
RESULT_ROLES = ("tool", "ipython", "function")
"""Those whose message is what a tool answered."""
REASONING_KEYS = ("reasoning_content", "thinking", "reasoning")
"""Names under which templates read a model's reasoning, the usual one first."""

_MAX_BITS = 13_500  # Python itself writes and reads numbers of 4,300 digits at most
_MAX_DEPTH = 64  # deeper than any real tool schema; also ends a list that contains itself
_ARGUMENTS = ("messages", "tools", "add_generation_prompt")


def plain_messages(messages: object, roles: Sequence[str] = (), *, may_be_empty: bool = False) -> list[dict[str, Any]]:
    """Check a conversation; return a copy of plain dicts, lists, strings and numbers.

    Args:
        messages: what was given.
        roles: roles to choose from; none: any text is a role.
        may_be_empty: take a conversation without messages.

    Raises:
        InvalidMessagesError: not a list of mappings with a role, or a value that is not JSON. Whether a content is
            missing, a text, a number or a list of parts is the template's affair.
        InvalidTextError: a lone surrogate; the message names the place.

    >>> plain_messages([{"role": "user", "content": ("Hi", 1), "name": None}])
    [{'role': 'user', 'content': ('Hi', 1), 'name': None}]
    >>> plain_messages([{"content": "Hi"}])
    Traceback (most recent call last):
    lmloupe.InvalidMessagesError: Message 1 has no role: give it a text such as 'system', 'user' or 'assistant'.
    """
    if not isinstance(messages, (list, tuple)):
        raise InvalidMessagesError(
            f"A conversation is a list of messages such as {{'role': 'user', 'content': 'Hi'}}, not {_kind(messages)}."
        )
    if not messages and not may_be_empty:
        raise InvalidMessagesError("The conversation is empty: add a message.")
    return [_message(message, f"Message {number}", roles) for number, message in enumerate(messages, start=1)]


def _message(message: object, place: str, roles: Sequence[str]) -> dict[str, Any]:
    if not isinstance(message, Mapping):
        raise InvalidMessagesError(f"{place} is {_kind(message)}: a message is a dict with a role and a content.")
    role = message.get("role")
    if not isinstance(role, str) or not role:
        raise InvalidMessagesError(
            f"{place} has no role: give it a text such as 'system', 'user' or 'assistant'."
            if role in (None, "")
            else f"{place} has {_kind(role)} as its role: give it a text such as 'system', 'user' or 'assistant'."
        )
    if roles and role not in roles:
        raise InvalidMessagesError(
            f"{place} has the role {role[:40]!r}, which OpenAI's form does not know: use one of {', '.join(roles)}."
        )
    plain: dict[str, Any] = _plain(message, place, InvalidMessagesError)
    return plain


def check_messages(messages: object) -> list[dict[str, Any]]:
    """Check a conversation as `plain_messages` does; return it as transformers hands it to a template.

    Keys whose value is None are dropped, and reasoning is filed under each name that templates use.

    >>> check_messages([{"role": "user", "content": "Hi", "name": None}])
    [{'role': 'user', 'content': 'Hi'}]
    """
    return [_for_template(message) for message in plain_messages(messages)]


def _for_template(message: dict[str, Any]) -> dict[str, Any]:
    given = {key: value for key, value in message.items() if value is not None}
    reasoning = next((given[key] for key in REASONING_KEYS if key in given), None)
    if reasoning is not None:
        given = {"thinking": reasoning, **given, "reasoning_content": reasoning}
    return given


def called_functions(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The functions that a message calls, of those calls that have OpenAI's form.

    >>> called_functions({"role": "assistant", "tool_calls": [{"function": {"name": "now"}}, {"name": "then"}]})
    [{'name': 'now'}]
    """
    calls = message.get("tool_calls")
    found = [call.get("function") for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    return [function for function in found if isinstance(function, dict)]


def argument_values(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A copy of checked messages in which arguments that are JSON in a text are values; other texts stay.

    Raises:
        InvalidMessagesError, InvalidTextError: such a value is not a plain one; see `plain_messages`.

    >>> calls = [{"function": {"arguments": '{"n": 1}'}}, {"function": {"arguments": '{"n": '}}]
    >>> (message,) = argument_values([{"role": "assistant", "tool_calls": calls}])
    >>> [function["arguments"] for function in called_functions(message)]
    [{'n': 1}, '{"n": ']
    """
    copied = plain_messages(messages, may_be_empty=True)
    for message in copied:
        for function in called_functions(message):
            if isinstance(function.get("arguments"), str):
                try:
                    value = json.loads(function["arguments"] or "{}")
                except (ValueError, RecursionError):
                    continue
                function["arguments"] = function["arguments"] if isinstance(value, str) else value
    return plain_messages(copied, may_be_empty=True)


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
            raise InvalidSettingError(f"{name!r} is not a template variable to set: pass it as the argument {name}=.")
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
