"""A text area that is live while a person types: a short pause sends the text, no Ctrl+Enter.

Pages do not call this package: they call ``ui.state.store.live_text``, which keeps the text in the state of all pages.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from ui.components import kit
from ui.components.live_text.box import Box

__all__ = ["Box", "browser_attached", "draw_box", "sent_by"]

_HERE = Path(__file__).parent
_render = kit.component("lmloupe_live_text", _HERE / "live_text.js", _HERE / "live_text.css")


def browser_attached() -> bool:
    """Whether a browser shows this run; under AppTest, which runs no scripts, there is none.

    A browser tells its address with every run that it asks for.
    """
    return st.context.url is not None


def draw_box(
    box: Box, label: str, *, name: str, key: str, height: int | None, help_text: str | None, placeholder: str | None
) -> None:
    """Draw the text area with the newest push of ``box``; read what the person typed with `sent_by` at the next run.

    Args:
        box: the text and what is known about the browser's copy of it.
        label: shown above the area, and its accessible name.
        name: what the box is for; boxes of one name on several pages hold the same text.
        key: the widget's key.
        height: of the area at first, in pixels; a person can drag it. None for one line without a label, which grows
            while it has the keyboard.
        help_text: a sentence behind the question mark.
        placeholder: shown while the area is empty.
    """
    data = {
        "name": name,
        "label": label,
        "height": height,
        "help": help_text,
        "placeholder": placeholder,
        "push": box.push,
        "seen": box.seen,
        "text": box.pushed,
    }
    _render(key=key, data=data, on_edit_change=kit.nothing)


def sent_by(key: str) -> object:
    """What the browser last sent from the text area with this key, for `Box.receive`; None if nothing."""
    value = st.session_state.get(key)
    return value.get("edit") if isinstance(value, dict) else None
