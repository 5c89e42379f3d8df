"""Show, edit, import and export the conversation as JSON in OpenAI's form."""

from __future__ import annotations

import json

import streamlit as st

import lmloupe as lm
from ui.base.errors import escape_markdown
from ui.chat.typed_json import read_tools
from ui.state import store as state
from ui.state.drafts import commit, draft

__all__ = ["as_json", "edit_json"]


def edit_json() -> None:
    """A text area that writes the conversation, a file to import and a button to export."""
    shown = draft("messages")
    written = as_json()
    text = written if shown.typed is None else shown.typed
    # The turns' fields change the JSON while their version stays, so its own content belongs to the key.
    key = f"messages_json_{shown.version}_{hash(written)}"
    st.text_area(
        "Messages",
        text,
        height=240,
        key=key,
        on_change=_typed,
        args=(key,),
        help="What an OpenAI-style API takes, tools included; a change here changes the turns above.",
    )
    if shown.typed is not None:
        st.error(escape_markdown(f"These messages were not taken over. {shown.refused}"))
    st.download_button(
        "Export", written, "messages.json", "application/json", icon=":material/download:", help="This JSON as a file."
    )
    st.file_uploader(
        "Import",
        type=["json"],
        key="messages_file",
        on_change=_uploaded,
        help="A file with such an object, or with the list of messages alone.",
    )


def as_json() -> str:
    """The conversation and its tools as the OpenAI API takes them."""
    messages = state.get("messages")
    if not messages:
        return '{"messages": []}'
    return lm.messages_to_json(messages, read_tools(state.get("tools"))[0])


def _typed(key: str) -> None:
    _take(st.session_state[key])


def _uploaded() -> None:
    file = st.session_state["messages_file"]
    if file is not None:
        data = file.getvalue()
        # Files of some editors begin with a byte order mark, or are UTF-16.
        _take(data.decode(json.detect_encoding(data), errors="replace"))


def _take(text: str) -> None:
    shown = draft("messages")
    try:
        turns, tools = lm.messages_from_json(text)
    except lm.InputError as error:
        shown.refused, shown.typed = str(error), text
        return
    commit("messages", turns, renew=True)
    if shown.refused:
        shown.typed = text
    elif tools is not None:
        state.put("tools", json.dumps(tools, indent=2, ensure_ascii=False))
