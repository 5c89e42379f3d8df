"""Two pages with a live text box, for the browser tests."""

import time

import streamlit as st

from ui.state import store as state
from ui.state.session import one_run


def count_run() -> None:
    st.session_state["runs"] = st.session_state.get("runs", 0) + 1


def report(text: str) -> None:
    st.text(f"runs: {st.session_state['runs']}")
    st.code(f"{len(text)} characters: {text[:200]!a}", language=None, wrap_lines=True)


def first() -> None:
    count_run()
    st.title("First")
    state.show_notices()
    slow = st.query_params.get("slow")  # read before the state tidies the link
    st.session_state.setdefault("slow", float(slow or 0))
    text = state.live_text("text", "Text", height=130, help="Any text in any language.", placeholder="Write something")
    time.sleep(st.session_state["slow"])
    left, right = st.columns(2)
    left.button("Put", on_click=state.put, args=("text", "put by code"))
    right.button("Run again")
    if "warn" in text:
        st.warning("Something above")
    if st.session_state.get("compare"):
        st.text_area("Compare", "A plain text area", height=130, help="Help of Streamlit's own.")
    report(text)


def second() -> None:
    count_run()
    st.title("Second")
    report(state.live_text("text", "Text", height=100))


def third() -> None:
    count_run()
    st.title("Third")
    report(state.text_area("text", "Text", height=100))


pages = [
    st.Page(first, default=True),
    st.Page(second, url_path="second"),
    st.Page(third, url_path="third"),
]
if st.query_params.get("compare"):
    st.session_state["compare"] = True
page = st.navigation(pages)
with one_run(page.url_path):
    page.run()
