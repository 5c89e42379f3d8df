"""What every page begins and ends with."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ui.state import store as state

__all__ = ["as_code", "metrics_row", "page_header", "reproduce"]

MAX_QUOTED = 2000

# Streamlit leaves much more above a title, which a projector pays for with the first row of tokens.
_STYLE = """<style>
[data-testid="stMainBlockContainer"] { padding-top: 4rem; padding-bottom: 3rem; }
[data-testid="stMainBlockContainer"] h1 { padding-top: 0; font-size: 2.1rem; }
[data-testid="stMetric"] { padding: 0.5rem 0.9rem !important; }
[data-testid="stMetric"] > div { padding: 0 !important; }
[data-testid="stMetricValue"] { font-size: 1.45rem; }
@media (max-width: 640px) { [data-testid="stMainBlockContainer"] { padding-left: 1rem; padding-right: 1rem; } }
</style>"""


def page_header(title: str, sentence: str) -> None:
    """The page's title, one sentence that says what one sees, and what the link could not bring."""
    st.html(_STYLE)
    st.title(title, anchor=False)
    st.markdown(sentence)
    state.show_notices()


def metrics_row(metrics: Sequence[tuple[str, str] | tuple[str, str, str]]) -> None:
    """Small boxes of (label, value with its unit) or (label, value, help) side by side; on a phone they wrap."""
    with st.container(horizontal=True, gap="small"):
        for label, value, *more in metrics:
            st.metric(label, value, help=more[0] if more else None, border=True, width="content")


def as_code(text: str) -> str:
    """The text as an expression in Python; a long one is read from a file, which the person saves."""
    if len(text) <= MAX_QUOTED:
        return repr(text)
    return 'open("text.txt", encoding="utf-8", newline="").read()  # save the text of the page there first'


def reproduce(code: str) -> None:
    """The lines of Python that give the numbers on this page."""
    with st.expander("The same numbers in Python"):
        st.code(code.strip("\n"), language="python", wrap_lines=True)
