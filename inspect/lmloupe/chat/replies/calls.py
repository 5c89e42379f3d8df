"""Read the tool calls that a model wrote in a reply, in the forms that chat templates ask for."""

from __future__ import annotations

import json
import re
from typing import Any

__all__ = ["reply_message"]

_TAGGED = re.compile(r"<tool_call>(.*?)(?:</tool_call>|\Z)", re.DOTALL)
_HEADS = ("<|python_tag|>", "[TOOL_CALLS]")
MAX_CALLS = 8


def reply_message(text: str) -> dict[str, Any]:
    r"""The message that a reply becomes in its conversation: its text, or the tool calls that it is.

    Three forms are read, as the published templates ask for them: a JSON object in ``<tool_call>`` tags (Qwen2.5,
    Hermes), a reply that is nothing but such an object, after ``<|python_tag|>`` or without it (Llama 3.1), and a list
    of them, after ``[TOOL_CALLS]`` or without it (Mistral). Anything else is text, as an application keeps it.

    Args:
        text: what the model wrote, special tokens left out (`ReplyComparison.text`).

    >>> reply_message('{"name": "get_weather", "parameters": {"city": "Suva"}}')["tool_calls"][0]["function"]
    {'name': 'get_weather', 'arguments': {'city': 'Suva'}}
    >>> found = reply_message('One moment.\n<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>')
    >>> found["content"], len(found["tool_calls"])
    ('One moment.', 1)
    >>> reply_message('{"name": "Suva"}')
    {'role': 'assistant', 'content': '{"name": "Suva"}'}
    """
    tagged = _TAGGED.findall(text)
    if tagged:
        content, calls = _TAGGED.sub("", text).strip(), [_call(_value(body)) for body in tagged]
    else:
        content, calls = "", _whole(text)
    if not calls or len(calls) > MAX_CALLS or None in calls:
        return {"role": "assistant", "content": text}
    named = [{"id": f"call_{i}", "type": "function", "function": call} for i, call in enumerate(calls, start=1)]
    return {"role": "assistant", "content": content, "tool_calls": named}


def _whole(text: str) -> list[dict[str, Any] | None]:
    """The calls that a reply is, from its first character to its last."""
    body = text.strip()
    for head in _HEADS:
        body = body.removeprefix(head).strip()
    value = _value(body) if body[:1] in ("{", "[") else None
    return [_call(one) for one in value] if isinstance(value, list) else [_call(value)]


def _value(body: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):  # no JSON: then it is a text
        return None


def _call(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, dict) or not isinstance(value.get("name"), str) or not value["name"]:
        return None
    arguments = value.get("arguments", value.get("parameters"))
    return {"name": value["name"], "arguments": arguments} if isinstance(arguments, dict) else None
