"""The shared conversation as bubbles that are edited in the browser; the setting ``messages`` holds it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from lmloupe.chat.messages import ROLES
from ui.base.errors import escape_markdown
from ui.chat.typed_json import read_tools
from ui.components.live_text import Box, sent_by
from ui.components.prompt_view import Editor, messages_of, turns_of
from ui.state import store as state
from ui.state.drafts import commit, draft

__all__ = ["collect", "edited", "show_refused", "tool_words"]

_HELD = "chat_bubbles"


@dataclass(slots=True)
class _Held:
    """What the browser's bubbles stand on."""

    box: Box = field(default_factory=Box)
    pushed: list[dict[str, Any]] = field(default_factory=list)
    known: list[dict[str, Any]] | None = None
    """The conversation that the browser's bubbles make; another one is pushed."""


def _held() -> _Held:
    found: _Held = st.session_state.setdefault(_HELD, _Held())
    return found


def edited() -> Editor:
    """The conversation for `ui.components.prompt_view`; what changed it but for the bubbles is pushed into them."""
    held = _held()
    messages = state.get("messages")
    if held.known != messages:
        held.pushed = held.known = messages
        held.box.show(json.dumps(messages))
    tools, _ = read_tools(state.get("tools"))
    return Editor(
        "messages",
        held.box.push,
        held.box.seen,
        turns_of(held.pushed),
        ROLES,
        tools=[tool_words(tool) for tool in tools or []],
    )


def collect(key: str) -> None:
    """Take over what the bubbles with this key have sent; in the component's callback."""
    held = _held()
    text = held.box.receive(sent_by(key))
    if text is None:
        return
    try:
        messages = messages_of(text, held.pushed)
    except ValueError as error:
        draft("messages").refused = str(error)
        return
    commit("messages", messages)
    if not draft("messages").refused:
        held.known = state.get("messages")


def show_refused() -> None:
    """Say why the last change was not taken over."""
    refused = draft("messages").refused
    if refused and draft("messages").typed is None:
        st.error(escape_markdown(f"The last change of the conversation was not taken over: {refused}."))


def tool_words(tool: dict[str, Any]) -> str:
    """A tool as one reads it.

    >>> tool_words({"function": {"name": "add", "parameters": {"properties": {"a": {}, "b": {}}}}})
    'add(a, b)'
    """
    function = tool.get("function", tool)
    parameters = function.get("parameters")
    properties = parameters.get("properties") if isinstance(parameters, dict) else None
    names = ", ".join(map(str, properties)) if isinstance(properties, dict) else ""
    return f"{function.get('name', 'tool')}({names})"
