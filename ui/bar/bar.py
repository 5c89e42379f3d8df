"""The one bar on top of every page: its name, the text, what reads it, and a gear for the rest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from ui.bar.presenting import page_tools, style
from ui.bar.text_file import text_file_box
from ui.base import theme
from ui.notebooks.drawn import long_text, page_drawn
from ui.pages import Page, page
from ui.state import store as state
from ui.state.session import is_embedded

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamlit.delta_generator import DeltaGenerator

__all__ = ["Bar", "page_bar"]

# `light-dark()` follows the theme at once, which the server hears of at its next run.
_GROUND = f"light-dark({theme.BACKGROUND_LIGHT}, {theme.BACKGROUND_DARK})"
_INK = f"light-dark({theme.TEXT_LIGHT}, {theme.TEXT_DARK})"
_STYLE = (Path(__file__).parent / "bar.css").read_text("utf-8")
_STYLE = _STYLE.replace("var(--bar-ground)", _GROUND).replace("var(--bar-ink)", _INK)


class Bar:
    """The bar of the page that is being drawn; what a page draws outside of it comes under it.

    Attributes:
        picks: room for a few compact choices, side by side, such as a tokenizer or a model.
        gear: the popover with all other controls of the page.
        takes_uploads: whether a box for uploaded tokenizers has been drawn.
    """

    def __init__(self, shown: Page, on_turn: Callable[[int], None] | None, link: str | None = None) -> None:
        self.takes_uploads = False
        self._opens_files = False
        within = "embedded_" if is_embedded() else ""
        with st.container(key=f"{within}bar", horizontal=True, vertical_alignment="center", gap="small"):
            if within:
                st.page_link(
                    shown.path, label=shown.title, icon=shown.icon_shortcode, query_params=state.link_params(),
                    width="content", help="Open this page as it is here.",
                )  # fmt: skip
            else:
                st.title(shown.title, anchor=False, width="content", help=None)
            self._text = st.container(key=f"{within}bar_text")
            self.picks: DeltaGenerator = st.container(
                key=f"{within}bar_picks", horizontal=True, vertical_alignment="center", gap="small", width="content"
            )
            self.gear: DeltaGenerator = st.popover(
                "Settings", icon=":material/settings:", key=f"{within}bar_gear", width="content"
            )
        if not within:
            page_tools(shown, self.gear, on_turn, link)

    def text(
        self, name: str = "text", label: str = "Text", *, placeholder: str | None = None, from_file: bool = True
    ) -> str:
        """Draw a shared text as one line that grows while a person writes in it; returns the text.

        The first one that a page draws can be opened from a file, in the gear, unless ``from_file`` is off.
        """
        if from_file and not self._opens_files:
            self._opens_files = True
            with self.gear:
                text_file_box(name)
        with self._text:
            return state.live_text(name, label, one_line=True, placeholder=placeholder)


def page_bar(url: str, on_turn: Callable[[int], None] | None = None, link: str | None = None) -> Bar:
    """Draw the bar of the page with this address (see `ui.pages`), and say what the link could not bring.

    A page that a lesson shows has a smaller one, with a link to the page itself.

    Args:
        url: the page's address.
        on_turn: called with 1 or -1 when a person who presents turns to what comes next, or came before; without it
            the arrow keys turn the pages. It may change settings, which are read after this.
        link: what the QR code of the presenter view holds in place of the link to this screen; "" for no QR code.
    """
    page_drawn.set(url)
    long_text.set("")
    if is_embedded():
        return Bar(page(url), None)
    st.html(f"<style>{_STYLE}{style()}</style>")
    bar = Bar(page(url), on_turn, link)
    state.show_notices()
    return bar
