"""The conversation as turns to edit; what is edited is the shared setting ``messages``."""

from __future__ import annotations

from functools import partial

import streamlit as st

from ui import state
from ui.settings import ROLES

__all__ = ["edit_conversation"]

Messages = list[dict[str, str]]
_SHOWN = "conversation_shown"
_VERSION = "conversation_version"


def edit_conversation() -> Messages:
    """Draw one row a turn, with buttons to add and to take away; return the turns as they now are."""
    messages: Messages = state.get("messages")
    if st.session_state.get(_SHOWN) != messages:
        # A link or a button changed the turns, not these fields: new keys make the fields show them.
        st.session_state[_VERSION] = st.session_state.get(_VERSION, 0) + 1
    edited = [_turn(i, message, len(messages)) for i, message in enumerate(messages)]
    if edited != messages:
        state.put("messages", edited)
    st.session_state[_SHOWN] = state.get("messages")
    with st.container(horizontal=True, gap="small"):
        next_role = "assistant" if edited and edited[-1]["role"] == "user" else "user"
        st.button("Add a turn", icon=":material/add:", on_click=_append, args=(next_role,))
        if not edited or edited[0]["role"] != "system":
            st.button("Add a system turn", icon=":material/add:", on_click=_prepend_system)
    return edited


def _turn(i: int, message: dict[str, str], n: int) -> dict[str, str]:
    version = st.session_state[_VERSION]
    role_column, text_column, button_column = st.columns([3, 12, 1], vertical_alignment="bottom")
    with role_column:
        role = st.selectbox(
            f"Role of turn {i + 1}",
            ROLES,
            index=ROLES.index(message["role"]),
            key=f"turn_{version}_{i}_role",
            label_visibility="visible" if i == 0 else "collapsed",
            help="Who speaks. Not every family has every role." if i == 0 else None,
        )
    with text_column:
        content = st.text_area(
            f"Text of turn {i + 1}",
            message["content"],
            height=68,
            key=f"turn_{version}_{i}_content",
            label_visibility="visible" if i == 0 else "collapsed",
        )
    with button_column:
        st.button(
            "",
            icon=":material/delete:",
            key=f"turn_{version}_{i}_delete",
            help=f"Take turn {i + 1} away",
            on_click=partial(_delete, i),
            disabled=n == 1,
            type="tertiary",
        )
    return {"role": role, "content": content}


def _append(role: str) -> None:
    state.put("messages", [*state.get("messages"), {"role": role, "content": ""}])


def _prepend_system() -> None:
    state.put("messages", [{"role": "system", "content": ""}, *state.get("messages")])


def _delete(i: int) -> None:
    messages = state.get("messages")
    state.put("messages", messages[:i] + messages[i + 1 :])
