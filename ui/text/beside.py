"""A card beside what it belongs to: at the right on a wide screen, a sheet from below on a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ui.base import theme

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamlit.delta_generator import DeltaGenerator

__all__ = ["Beside"]

# Streamlit wraps each container: what grows, or sticks, is the wrapper.
_STYLE = """
.st-key-KEY_split { flex-wrap: nowrap !important; align-items: flex-start; }
div:has(> .st-key-KEY_main) { flex: 1 1 0 !important; min-width: 0 !important; }
div:has(> .st-key-KEY_card) {
  flex: 0 0 min(26rem, 40%) !important; width: auto !important; min-width: 0 !important; box-sizing: border-box;
  position: sticky; top: 4rem; max-height: calc(100vh - 5rem); overflow-y: auto; overscroll-behavior: contain;
  border: 1px solid LINE; border-radius: 0.5rem; background: GROUND; padding: 0 1rem 0.75rem; z-index: 3;
}
.st-key-KEY_card { gap: 0.6rem; }
.st-key-KEY_close {
  position: sticky; top: 0; align-self: flex-end; margin-bottom: -3rem; width: auto !important; z-index: 2;
}
.st-key-KEY_card .stHeading { padding-bottom: 0.6rem; }
.st-key-KEY_card h2 { padding-right: 2.5rem !important; }
/* What draws nothing takes no room. */
.st-key-KEY_card > [class*="_pin"] { position: absolute; height: 0; overflow: hidden; }
@media (max-width: 699px) {
  div:has(> .st-key-KEY_card) {
    position: fixed; inset: auto 0 0 0; max-height: 62vh; z-index: 200; flex: none !important;
    border-radius: 0.75rem 0.75rem 0 0; box-shadow: 0 -6px 24px rgb(0 0 0 / 30%);
  }
}
/* The presenter view has its QR code in the lower corner, and no bar. */
html[data-present] div:has(> .st-key-KEY_card) { top: 1rem; max-height: calc(100vh - 11rem); }
.st-key-KEY_card .stSelectbox { width: auto !important; min-width: 11rem; }
@media print {
  div:has(> .st-key-KEY_card) { position: static; max-height: none; }
  .st-key-KEY_close { display: none; }
}
"""


class Beside:
    """Room for what a page shows, and for a card beside it; without a card all width is the page's.

    Attributes:
        main: the container of the page's own.
    """

    def __init__(self, key: str) -> None:
        """Make the room; ``key`` is its own on the page."""
        self._key = key
        line = f"color-mix(in oklab, {theme.ink()} 25%, {theme.ground()})"
        style = _STYLE.replace("KEY", key).replace("LINE", line).replace("GROUND", theme.ground())
        st.html(f"<style>{style}</style>")
        self._split = st.container(key=f"{key}_split", horizontal=True, gap="medium")
        self.main: DeltaGenerator = self._split.container(key=f"{key}_main")

    def card(self, on_close: Callable[[], None]) -> DeltaGenerator:
        """Open the card; ``on_close`` is called before the run in which its button closes it."""
        card = self._split.container(key=f"{self._key}_card")
        card.button("Close", icon=":material/close:", key=f"{self._key}_close", on_click=on_close, type="tertiary")
        return card
