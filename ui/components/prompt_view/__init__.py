"""A rendered prompt in the browser, and beside it the template that wrote it: which line made which characters.

Hover or focus a piece of the prompt and its line and its message light up; hover or focus a line and all that it
wrote does. Nothing of a person's text ever becomes HTML: the script beside this file sets ``textContent`` alone.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

import lmloupe as lm
from ui.base import theme
from ui.components.prompt_view.payload import build_payload, known_role

__all__ = ["known_role", "prompt_view"]

_HERE = Path(__file__).parent


def _colours() -> str:
    """The roles' colours as CSS custom properties, the same as in the token view."""
    roles = theme.ROLE_COLOURS_LIGHT
    lines = (f"  --role-{role}: light-dark({roles[role]}, {theme.ROLE_COLOURS_DARK[role]});\n" for role in roles)
    return ":host {\n" + "".join(lines) + "}\n"


# Registered where the module is imported, once a process: see ui/token_view/__init__.py.
_render = st.components.v2.component(
    "lmloupe_prompt_view",
    css=_colours() + (_HERE / "prompt_view.css").read_text("utf-8"),
    js=(_HERE / "prompt_view.js").read_text("utf-8"),
)


def prompt_view(chat: lm.RenderedChat, *, key: str, source: bool = False, height: int | None = None) -> None:
    """Draw a prompt with its special tokens as pills, coloured by role; the generation prompt is outlined.

    Args:
        chat: what to draw.
        key: the widget's key. A run with the same key and content leaves the drawn view as it is.
        source: show the template beside it.
        height: pixels after which each side scrolls; None lets them take their room.
    """
    _render(key=key, data=build_payload(chat, source=source, height=height))
