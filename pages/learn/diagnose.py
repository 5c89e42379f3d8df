"""Diagnose: what an error, a warning, a prompt or a config means."""

from __future__ import annotations

import streamlit as st

from ui.bar.bar import page_bar
from ui.base import theme
from ui.base.errors import escape_markdown, show_errors
from ui.learn.diagnose.examples import EXAMPLES
from ui.learn.diagnose.view import diagnosed, draw_findings, heading, shown_finding
from ui.learn.embedded_page import draw_page
from ui.page import as_code, finding, reproduce
from ui.state import store as state
from ui.state.settings.learn import MAX_PASTED_IN_LINK

CODE = """
import lmloupe as lm

text = {text}
for found in lm.diagnose(text):
    print(found.line, found.key, found.means)
    print(found.before, "->", found.after)
"""


def take_example() -> None:
    """Put the example that was pressed into the box, and show the effect of its first finding."""
    pressed = st.session_state.pop("example", None)
    if pressed is not None:
        state.put("pasted_text", EXAMPLES[pressed])
        state.put("pasted_finding", "")


page_bar("diagnose")
head = st.container()
box, beside = st.columns([2, 3], gap="medium")
with box:
    state.live_text(
        "pasted_text", "Error, warning, prompt, template or config", height=round(250 * theme.chart_scale())
    )
    text = state.get("pasted_text")
    st.pills(
        "Examples", list(EXAMPLES), key="example", on_change=take_example, label_visibility="collapsed", wrap=True,
    )  # fmt: skip
    kept = "" if len(text) <= MAX_PASTED_IN_LINK else " This one is too long for the link, so it stays in this session."
    st.caption(
        "The text is read by this app alone and sent to nobody. Code in it is never executed. What looks like a token "
        f"or a password (hf_…) is taken out before the text is kept.{kept}"
    )
shown = None
with show_errors():
    found = diagnosed(text)
    shown = shown_finding(found)
    with head:
        finding(heading(found))
    with beside:
        draw_findings(text, found, shown and shown[0])
reproduce(CODE.format(text=as_code(text)))
if shown is not None:
    one, address = shown
    st.header(f"The effect, on {address.page.title}", anchor=False)
    if len(found) > 1:
        st.caption(escape_markdown(f"Of: {one.means}"))
    draw_page(address, f"{one.key} {one.page}")
