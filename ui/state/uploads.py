"""Tokenizers that no link brings: files that a person has uploaded, and folders of this machine.

A link may name them, so that Back and reload work, and no more. An upload is its session's alone: whoever has not
uploaded a file of that name sees the setting's default. A folder is read only after somebody has typed it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from ui.state.names import UPLOAD, is_folder
from ui.state.settings import SETTINGS

if TYPE_CHECKING:
    import lmloupe as lm

__all__ = ["note_typed", "take_out", "uploaded"]

_KEPT = "uploads"


def uploaded() -> dict[str, lm.Tokenizer]:
    """What this session has uploaded, by name: ``upload:tokenizer.json``.

    Never put one of these into a cache that serves all sessions: another person's file may have the same name.
    """
    kept: dict[str, lm.Tokenizer] = st.session_state.setdefault(_KEPT, {})
    return kept


@st.cache_resource(show_spinner=False)
def _typed() -> set[str]:
    """Folders that somebody has typed since the server started."""
    return set()


def note_typed(name: str, value: object) -> None:
    """Remember the folders in what a person chose as the value of a setting."""
    if SETTINGS[name].names_tokenizers:
        _typed().update(one for one in _names(value) if is_folder(one))


def take_out(values: dict[str, Any]) -> dict[str, str]:
    """Take out of the values what a link cannot bring; why, by setting."""
    why = {}
    for name in [name for name in values if SETTINGS[name].names_tokenizers]:
        named = _names(values[name])
        reasons = {one: reason for one in named if (reason := _reason(one))}
        if not reasons:
            continue
        why[name] = ", and ".join(reasons.values())
        left = tuple(one for one in named if one not in reasons)
        if isinstance(values[name], tuple) and left:
            values[name] = left
        else:
            del values[name]
    return why


def _names(value: object) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (str(value),)


def _reason(name: str) -> str:
    if name.startswith(UPLOAD) and name not in uploaded():
        file = name.removeprefix(UPLOAD)
        return f"only the session that uploaded {file} has it, so upload it here too to see the same"
    if is_folder(name) and name not in _typed():
        return f"no link reads a folder, so type {name} yourself to see the same"
    return ""
