"""Edit the conversation turn by turn; the shared setting ``messages`` holds it."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal

import streamlit as st

from lmloupe.chat.messages import REASONING_KEYS, ROLES
from ui.base.errors import escape_markdown
from ui.state import store as state
from ui.state.drafts import Draft, commit, draft

__all__ = ["edit_conversation"]

Messages = list[dict[str, Any]]
_NEW_CALL = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": {}}}


def edit_conversation() -> Messages:
    """Draw one row for each turn, with buttons to move, add and remove turns; return the turns."""
    shown = draft("messages")
    messages: Messages = state.get("messages")
    for i, message in enumerate(messages):
        _turn(i, message, len(messages), shown)
    if shown.refused:
        st.error(escape_markdown(f"The last change of the conversation was not taken over: {shown.refused}."))
    with st.container(horizontal=True, gap="small"):
        next_role = "assistant" if messages and messages[-1]["role"] in ("user", "tool") else "user"
        new = {"role": next_role, "content": ""}
        _button("Add a turn", "add", "turn_add", lambda turns: turns.append(new))
        if not messages or messages[0]["role"] != "system":
            system = {"role": "system", "content": ""}
            _button("Add a system turn", "add", "turn_add_system", lambda turns: turns.insert(0, system))
    return messages


def _turn(i: int, message: dict[str, Any], n: int, shown: Draft) -> None:
    label: Literal["visible", "collapsed"] = "visible" if i == 0 else "collapsed"
    key = f"turn_{shown.version}_{i}"
    role_column, text_column, button_column = st.columns([3, 11, 3], vertical_alignment="bottom")
    changed: dict[str, Any] = {"on_change": _collect, "args": (shown.version,)}
    with role_column:
        st.selectbox(
            f"Role of turn {i + 1}",
            ROLES,
            index=ROLES.index(message["role"]),
            key=f"{key}_role",
            label_visibility=label,
            help="Who speaks. Not every family has every role." if i == 0 else None,
            **changed,
        )
        if message["role"] == "tool":
            st.text_input(
                "Tool", _field(message.get("name")), key=f"{key}_name", placeholder="name of the tool", **changed
            )
    with text_column:
        _texts(i, message, key, label, changed)
        for j, call in _calls(message):
            _call(i, j, call["function"], key, changed)
    with button_column, st.container(horizontal=True, gap=None):
        _button("", "arrow_upward", f"{key}_up", lambda turns: _swap(turns, i, i - 1), f"Turn {i + 1} up", i == 0)
        _button(
            "", "arrow_downward", f"{key}_down", lambda turns: _swap(turns, i, i + 1), f"Turn {i + 1} down", i == n - 1
        )
        if message["role"] == "assistant" and isinstance(message.get("tool_calls", []), list):
            _button("", "build", f"{key}_add_call", lambda turns: _add_call(turns[i]), f"Turn {i + 1} calls a tool")
        _button("", "delete", f"{key}_delete", lambda turns: turns.pop(i), f"Remove turn {i + 1}", n == 1)


def _texts(i: int, message: dict[str, Any], key: str, label: Any, changed: dict[str, Any]) -> None:
    content = message.get("content")
    is_text = content is None or isinstance(content, str)
    st.text_area(
        f"Text of turn {i + 1}" if is_text else f"Content of turn {i + 1}, JSON",
        _field(content),
        height=68,
        key=f"{key}_content",
        label_visibility=label if is_text else "visible",
        placeholder="no content" if content is None else None,
        **changed,
    )
    reasoning = [name for name in REASONING_KEYS if isinstance(message.get(name), str)]
    for name in reasoning:
        st.text_area(f"{name} of turn {i + 1}", message[name], height=68, key=f"{key}_{name}", **changed)
    known = {"role", "content", "tool_call_id", *reasoning, *(["name"] if message["role"] == "tool" else [])}
    others = [name for name in message if name not in known and not (name == "tool_calls" and _is_plain(message))]
    if others:
        st.caption(escape_markdown(f"Also in this turn, to edit as JSON: {', '.join(others)}."))


def _field(value: object) -> str:
    """A value as its field shows it: a text unchanged, any other value as JSON."""
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)


def _take(owner: dict[str, Any], name: str, typed: str | None) -> None:
    """Store what a field contains; a value that was not edited keeps its type."""
    value = owner.get(name)
    if typed is None or typed == _field(value):
        return
    owner[name] = typed
    if value is not None and not isinstance(value, str):
        with suppress(ValueError, RecursionError):  # not JSON, so a text
            owner[name] = json.loads(typed)


def _calls(message: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """The calls that have a form of their own: those in OpenAI's form."""
    calls = message.get("tool_calls")
    return [(j, call) for j, call in enumerate(calls) if _has_form(call)] if isinstance(calls, list) else []


def _has_form(call: object) -> bool:
    function = call.get("function") if isinstance(call, dict) else None
    return isinstance(function, dict) and isinstance(function.get("name"), str) and "arguments" in function


def _is_plain(message: dict[str, Any]) -> bool:
    calls = message.get("tool_calls")
    return isinstance(calls, list) and all(map(_has_form, calls))


def _call(i: int, j: int, function: dict[str, Any], key: str, changed: dict[str, Any]) -> None:
    name_column, arguments_column, button_column = st.columns([4, 7, 1], vertical_alignment="bottom")
    name_column.text_input("Calls the tool", function["name"], key=f"{key}_call_{j}_name", **changed)
    arguments_column.text_input(
        "Arguments, JSON",
        _field(function["arguments"]),
        key=f"{key}_call_{j}_arguments",
        help="A JSON object.",
        **changed,
    )
    with button_column:
        _button("", "delete", f"{key}_call_{j}_delete", lambda turns: _drop_call(turns[i], j), f"Remove call {j + 1}")


def _button(
    label: str,
    icon: str,
    key: str,
    change: Callable[[Messages], object],
    words: str | None = None,
    disabled: bool = False,
) -> None:
    st.button(
        label,
        icon=f":material/{icon}:",
        key=key,
        help=words,
        disabled=disabled,
        type="secondary" if label else "tertiary",
        on_click=_apply,
        args=(change,),
    )


def _held() -> Messages:
    """The turns with what their fields contain now: a click may arrive together with text that no run has seen."""
    version = draft("messages").version
    messages: Messages = state.get("messages")
    for i, message in enumerate(messages):
        key = f"turn_{version}_{i}"
        message["role"] = st.session_state.get(f"{key}_role", message["role"])
        for name in ("content", "name", *REASONING_KEYS):
            _take(message, name, st.session_state.get(f"{key}_{name}"))
        for j, call in _calls(message):
            for name in ("name", "arguments"):
                _take(call["function"], name, st.session_state.get(f"{key}_call_{j}_{name}"))
    return messages


def _collect(version: int) -> None:
    # A button of the same run has collected already, and its fields are others.
    if version == draft("messages").version:
        commit("messages", _held())


def _apply(change: Callable[[Messages], object]) -> None:
    messages = _held()
    change(messages)
    commit("messages", messages, renew=True)


def _swap(turns: Messages, i: int, j: int) -> None:
    turns[i], turns[j] = turns[j], turns[i]


def _add_call(turn: dict[str, Any]) -> None:
    calls = turn.get("tool_calls", [])
    turn["tool_calls"] = [*calls, _NEW_CALL | {"id": f"call_{len(calls) + 1}"}]


def _drop_call(turn: dict[str, Any], j: int) -> None:
    turn["tool_calls"].pop(j)
    if not turn["tool_calls"]:
        del turn["tool_calls"]
