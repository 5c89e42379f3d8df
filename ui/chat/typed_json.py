"""What people type as JSON for a template: tools, variables, arguments of calls; a sentence where it is not valid."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from lmloupe.chat.messages import called_functions

__all__ = ["arguments_error", "read_tools", "read_variables"]

_MARK = "\ufeff"  # a byte order mark, which many editors put before what they save
_BLANK = f"{_MARK} \t\r\n"


def arguments_error(messages: Sequence[dict[str, Any]]) -> str:
    """A sentence about the first arguments of a tool call that are still a text, so not JSON; empty without any."""
    for i, message in enumerate(messages, start=1):
        for function in called_functions(message):
            if isinstance(text := function.get("arguments"), str):
                of = f"Turn {i}: the arguments of {str(function.get('name'))[:40]} are"
                try:
                    _parse(text)
                except ValueError as cause:
                    return f"{of} not valid JSON: {cause}."
                return f"{of} a JSON text: give a JSON object."
    return ""


def read_tools(text: str) -> tuple[list[dict[str, Any]] | None, str]:
    """Read tools from their JSON: None without tools, and a sentence where they are not valid."""
    if not text.strip(_BLANK):
        return None, ""
    try:
        tools = _parse(text)
    except ValueError as cause:
        return None, f"The tools are not valid JSON: {cause}."
    if not isinstance(tools, list) or not all(
        isinstance(tool, dict) and isinstance(tool.get("function", {}), dict) for tool in tools
    ):
        return None, "The tools must be a list of function schemas: [{...}, {...}]."
    return tools, ""


def read_variables(text: str) -> tuple[dict[str, Any], str]:
    """Read variables from their JSON: none of an empty text, and a sentence where they are not valid."""
    if not text.strip(_BLANK):
        return {}, ""
    try:
        variables = _parse(text)
    except ValueError as cause:
        return {}, f"The template variables are not valid JSON: {cause}."
    if not isinstance(variables, dict):
        return {}, 'The template variables must be a JSON object such as {"enable_thinking": false}.'
    return variables, ""


def _parse(text: str) -> Any:
    try:
        return json.loads(text.removeprefix(_MARK))
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at line {error.lineno}, column {error.colno}") from error
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
