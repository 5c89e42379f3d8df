"""Forms that edit one structured setting with several widgets: a conversation, tools, an edited template.

A field's key carries a version. Fields write through ``commit`` in their callbacks; where something else changed the
setting (a link, a button, a file), the version goes up and new fields show it. What the check refuses stays typed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from ui.state import store as state

__all__ = ["Draft", "commit", "draft"]

_DRAFTS = "drafts"


@dataclass(slots=True)
class Draft:
    """What the fields of one setting show."""

    version: int = 0
    shown: Any = None
    refused: str = ""
    """Why the last change was not taken over; empty when it was."""
    typed: str | None = None
    """A text that was refused, kept for the field that it was typed into."""


def draft(name: str) -> Draft:
    """The draft of a setting, with a new version where something else than its fields changed the setting."""
    found: Draft = st.session_state.setdefault(_DRAFTS, {}).setdefault(name, Draft())
    value = state.get(name)
    if found.shown != value:
        found.version += 1
        found.shown, found.refused, found.typed = value, "", None
    return found


def commit(name: str, value: object, *, renew: bool = False) -> None:
    """Take over what the fields hold; in a widget's callback.

    Args:
        name: the setting.
        value: all of it.
        renew: the fields themselves change (a row more, another order): draw new ones.
    """
    found: Draft = st.session_state.setdefault(_DRAFTS, {}).setdefault(name, Draft())
    try:
        state.put(name, value)
    except ValueError as error:
        found.refused = str(error).removesuffix(".")  # the checks' reasons have none, the library's sentences have
        return
    found.shown, found.refused, found.typed = state.get(name), "", None
    if renew:
        found.version += 1
