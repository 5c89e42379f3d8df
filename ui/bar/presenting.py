"""The presenter view, paper, keys and the sentence of a first visit: what every page has besides its bar.

The presenter view is a setting and so in the link (``present=1``): no bar, no sidebar, larger everything, the link as a
QR code in the corner. P turns it on and off, the arrow keys turn the pages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

import streamlit as st

from ui.base import theme
from ui.components.page_tools import tools
from ui.pages import PAGES, Page
from ui.state import store as state
from ui.state.short_links import shortened

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamlit.delta_generator import DeltaGenerator

__all__ = ["page_tools", "style"]

CHART_SCALE = 1.8
# At 1920 pixels the root is 32 pixels high, so that tokens (1.25rem) have 40.
_PRESENTING = """
html { font-size: clamp(20px, 1.6667vw, 64px) !important; }
[data-testid="stSidebar"], [data-testid="stHeader"], .st-key-bar { display: none !important; }
[data-testid="stMainBlockContainer"] { padding-top: 1rem !important; padding-bottom: 11rem !important; }
"""


def style() -> str:
    """What the style sheet adds while somebody presents."""
    return _PRESENTING if state.get("present") else ""


def page_tools(
    page: Page, gear: DeltaGenerator, on_turn: Callable[[int], None] | None = None, link: str | None = None
) -> None:
    """Listen to the keys, show the sentence of a first visit, and the QR code while somebody presents."""
    present = bool(state.get("present"))
    theme.set_chart_scale(CHART_SCALE if present else 1.0)
    with gear:
        st.toggle(
            "Presenter view (P)", present, key=f"present_{present}", on_change=_toggle,
            help="Everything larger and the controls away, for a projector. Arrow keys turn the pages, P ends it.",
        )  # fmt: skip
    url = (_link() if link is None else link) if present else None
    turned = tools(page.url, page.look_for, present=present, link=url, on_present=_toggle)
    if turned and on_turn is not None:
        on_turn(turned)
    elif turned:
        # With the parameters at once: without them the history gets two entries, and Back has to be pressed twice.
        st.switch_page(_neighbour(page, turned).path, query_params=state.link_params())


def _toggle() -> None:
    state.put("present", not state.get("present"))


def _neighbour(page: Page, step: int) -> Page:
    """The page before (-1) or after (1) this one, round the end."""
    return PAGES[(PAGES.index(page) + step) % len(PAGES)]


def _link() -> str | None:
    """The link to this screen for others, as short as it can be; it opens an ordinary view."""
    address = st.context.url
    if address is None:
        return None
    params = state.link_params(present=False, lesson_shown=False)
    query = urlencode(params)
    return f"{address}?{shortened(params)}" if len(query) > 40 else address + (f"?{query}" if query else "")
