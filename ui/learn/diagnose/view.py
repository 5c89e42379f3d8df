"""What the page Diagnose says: a heading, and a card for each finding."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

import lmloupe as lm
from ui.base.errors import escape_markdown
from ui.base.words import counted
from ui.learn.embedded_page import Address, read_address
from ui.state import store as state

__all__ = ["diagnosed", "draw_findings", "heading", "shown_finding"]

CARDS = 6
_QUOTED = 160
_KINDS = {
    "error": ("Error", "error"),
    "warning": ("Warning", "warning"),
    "prompt": ("Prompt", "forum"),
    "template": ("Template", "code"),
    "config": ("Config", "rule_settings"),
}


@st.cache_data(max_entries=16, show_spinner=False)
def diagnosed(text: str) -> tuple[lm.Diagnosis, ...]:
    """The findings; kept, because the embedded page below runs this one again at every change."""
    return lm.diagnose(text)


def heading(found: Sequence[lm.Diagnosis]) -> str:
    """What the first finding means, and how many there are."""
    if not found:
        return "Paste an error, a warning, a prompt, a template or a config"
    more = f" ({counted(len(found) - 1, 'more finding')} below)" if len(found) > 1 else ""
    return f"{found[0].means.rstrip('.')}{more}"


def shown_finding(found: Sequence[lm.Diagnosis]) -> tuple[lm.Diagnosis, Address] | None:
    """The finding whose effect is shown, with its page: the chosen one, else the first that has a page."""
    with_page = [one for one in found if one.page]
    chosen = next((one for one in with_page if one.key == state.get("pasted_finding")), None)
    one = chosen or (with_page[0] if with_page else None)
    return None if one is None else (one, read_address(one.page))


def draw_findings(text: str, found: Sequence[lm.Diagnosis], shown: lm.Diagnosis | None) -> None:
    """A card for each finding, the first ones open.

    Args:
        text: what was pasted.
        found: from `diagnosed`.
        shown: the one whose effect is shown below.
    """
    for number, one in enumerate(found[:CARDS]):
        _card(text, one, number, is_first=number == 0, is_shown=one is shown)
    if len(found) > CARDS:
        with st.expander(f"{counted(len(found) - CARDS, 'more finding')}"):
            for number, one in enumerate(found[CARDS:], CARDS):
                _card(text, one, number, is_first=False, is_shown=one is shown)


def _card(text: str, one: lm.Diagnosis, number: int, *, is_first: bool, is_shown: bool) -> None:
    name, icon = _KINDS[one.kind]
    with st.container(border=True, key=f"finding_{number}"):
        if not is_first:  # the first is the heading of the page
            st.subheader(escape_markdown(one.means), anchor=False)
        st.markdown(escape_markdown(one.why))
        if one.after:
            if one.before:
                st.caption("In place of")
                st.code(one.before, language=None, wrap_lines=True)  # Streamlit's colours of code are too pale
            st.caption("Write")
            st.code(one.after, language=None, wrap_lines=True)
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.caption(f":material/{icon}: {name} · {_seen(text, one)}", width="content")
            if one.page and not is_shown:
                st.button(
                    "Show the effect", key=f"show_{number}", on_click=state.put, args=("pasted_finding", one.key),
                    icon=":material/visibility:", help="Below, on the page itself, with real numbers.",
                )  # fmt: skip


def _seen(text: str, one: lm.Diagnosis) -> str:
    """Where, in the text's own words; by whom; how often."""
    quoted = " ".join(text[one.start : one.end].split())
    quoted = quoted if len(quoted) <= _QUOTED else f"{quoted[: _QUOTED - 1]}…"
    parts = [f"line {one.line:,}{f': “{escape_markdown(quoted)}”' if quoted else ''}"]
    if one.times > 1:
        parts.append(f"seen {one.times:,} times")
    if one.library:
        parts.append(f"from {escape_markdown(one.library)}")
    return " · ".join(parts)
