"""The conversation as JSON in the OpenAI form: read, edited, imported from a file, exported to one."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

import lmloupe as lm
from lmloupe.chat_messages import check_messages
from ui import state
from ui.drafts import commit, draft
from ui.errors import escape_markdown

__all__ = ["as_json", "edit_json", "for_editor"]


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
        help="The list that an OpenAI-style API takes; a change here changes the turns above.",
    )
    if shown.typed is not None:
        st.error(escape_markdown(f"These messages were not taken over. {shown.refused}"))
    st.download_button(
        "Export", written, "messages.json", "application/json", icon=":material/download:", help="This JSON as a file."
    )
    st.file_uploader(
        "Import", type=["json"], key="messages_file", on_change=_uploaded, help="A file with such a list of messages."
    )


def as_json() -> str:
    """The conversation as the OpenAI API takes it."""
    return json.dumps(state.get("messages"), indent=2, ensure_ascii=False)


def for_editor(text: str) -> list[dict[str, Any]]:
    """Messages of the setting's form from JSON in the OpenAI form.

    Raises:
        ValueError: not a conversation, or one that the editor cannot hold; one sentence.
    """
    try:
        value = json.loads(text)
        messages = check_messages(value["messages"] if isinstance(value, dict) and "messages" in value else value)
    except json.JSONDecodeError as error:
        raise ValueError(f"This is no JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from error
    except RecursionError as error:
        raise ValueError("This is no conversation: it is nested too deep.") from error
    except lm.InputError as error:
        raise ValueError(str(error)) from error
    turns = []
    for i, message in enumerate(messages, start=1):
        turn = {
            key: message[key] for key in ("role", "content", "tool_calls", "tool_call_id", "name") if key in message
        }
        content = turn.get("content")
        if isinstance(content, list):
            raise ValueError(f"Message {i} has a list of parts as its content: the editor holds text, so give a text.")
        turn["content"] = content if isinstance(content, str) else _json(content)
        for call in turn.get("tool_calls", ()):
            if not isinstance(call, dict) or not isinstance(call.get("function"), dict):
                raise ValueError(f"Message {i} has a tool call without a function: give it a name and arguments.")
            if not isinstance(call["function"].get("arguments"), str):
                call["function"]["arguments"] = _json(call["function"].get("arguments", {}))
        turns.append(turn)
    return turns


def _json(value: object) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _typed(key: str) -> None:
    _take(st.session_state[key])


def _uploaded() -> None:
    file = st.session_state["messages_file"]
    if file is not None:
        _take(file.getvalue().decode("utf-8", errors="replace"))


def _take(text: str) -> None:
    shown = draft("messages")
    try:
        turns = for_editor(text)
    except ValueError as error:
        shown.refused, shown.typed = str(error), text
        return
    commit("messages", turns, renew=True)
    if shown.refused:
        shown.typed = text
