"""A sentence that a press of a button had for an answer, said when the page is drawn after it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ui.base.errors import escape_markdown
from ui.learn.classes.store.answers import ClassError

__all__ = ["attempt", "draw_said"]

_SAID = "class_said"


def attempt(do: Callable[[], object]) -> None:
    """Do something in a callback; what cannot be done is said at the top of the page."""
    try:
        do()
    except ClassError as error:
        st.session_state[_SAID] = str(error)


def draw_said() -> None:
    """Say it, once."""
    if said := st.session_state.pop(_SAID, ""):
        st.error(escape_markdown(said))
