"""A card beside what it belongs to: at the right on a wide screen, a sheet from below on a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ui.base import theme

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamlit.delta_generator import DeltaGenerator

__all__ = ["beside"]

# Streamlit wraps each container: what grows, or sticks, is the wrapper.
_STYLE = """
.st-key-KEY_split { flex-wrap: nowrap !important; align-items: flex-start; }
div:has(> .st-key-KEY_main) { flex: 1 1 0 !important; min-width: 0 !important; }
div:has(> .st-key-KEY_card) {
  flex: 0 0 min(26rem, 40%) !important; width: auto !important; min-width: 0 !important; box-sizing: border-box;
  position: sticky; top: 4rem; max-height: calc(100vh - 5rem); overflow-y: auto; overscroll-behavior: contain;
  border: 1px solid LINE; border-radius: 0.5rem; background: GROUND; padding: 0.75rem 1rem; z-index: 3;
}
.st-key-KEY_card { gap: 0.6rem; }
.st-key-KEY_close { position: absolute; top: 0.5rem; right: 0.5rem; width: auto !important; }
.st-key-KEY_card h2 { padding-right: 2.5rem !important; }
@media (max-width: 699px) {
  div:has(> .st-key-KEY_card) {
    position: fixed; inset: auto 0 0 0; max-height: 62vh; z-index: 200; flex: none !important;
    border-radius: 0.75rem 0.75rem 0 0; box-shadow: 0 -6px 24px rgb(0 0 0 / 30%);
  }
}
@media print { div:has(> .st-key-KEY_card) { position: static; max-height: none; } .st-key-KEY_close { display: none; } }
"""


def beside(key: str, *, opened: bool, on_close: Callable[[], None]) -> tuple[DeltaGenerator, DeltaGenerator | None]:
    """Make room for what a page shows, and for a card beside it while ``opened``; closed, all width is the first's.

    Args:
        key: of the room; its own on the page.
        opened: whether there is a card.
        on_close: called before the run in which it is closed by its button.

    Returns:
        The container of the page's own, and that of the card, or None.
    """
    line = f"color-mix(in oklab, {theme.ink()} 25%, {theme.ground()})"
    style = _STYLE.replace("KEY", key).replace("LINE", line).replace("GROUND", theme.ground())
    st.html(f"<style>{style}</style>")
    split = st.container(key=f"{key}_split", horizontal=True, gap="medium")
    main = split.container(key=f"{key}_main")
    if not opened:
        return main, None
    card = split.container(key=f"{key}_card")
    card.button("Close", icon=":material/close:", key=f"{key}_close", on_click=on_close, type="tertiary")
    return main, card
