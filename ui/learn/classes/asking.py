"""A question of the teacher's own: its form, and the way to it from other pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

import streamlit as st

from ui.base.errors import escape_markdown
from ui.learn.classes.store.answers import ClassError
from ui.learn.classes.store.plan import OwnQuestion, read_question
from ui.learn.embedded_page import read_view
from ui.pages import page
from ui.state import store as state
from ui.state.drafts import commit, draft

__all__ = ["ask_link", "own_question", "question_form"]

_SETTING = "class_question"
_KINDS = {"choice": "Choices", "number": "A number", "word": "A word", "cut": "Cuts in a word"}


def ask_link(question: OwnQuestion) -> None:
    """Draw the link that puts this question to a class: into the form of a new one, or to the one that is running."""
    target = page("class")
    st.page_link(
        target.path, label="Ask on everybody's phone", icon=target.icon_shortcode, width="content",
        query_params=state.link_params(class_question=_filled_in(question)),
        help="Everybody answers on a phone; then you show how the answers are spread.",
    )  # fmt: skip


def own_question() -> OwnQuestion | None:
    """The question in the form; None where nothing is asked.

    Raises:
        ClassError: it is not complete yet; the sentence says what is missing.
    """
    held = state.get(_SETTING)
    if not held.get("ask"):
        return None
    try:
        question = read_question({"kind": "choice"} | held)
        if question.view:
            read_view(question.view)
    except ValueError as error:
        raise ClassError(f"Your question cannot be asked yet: {error}.") from error
    return question


def question_form(key: str) -> None:
    """Draw the form; what it holds is `own_question`."""
    held, form = {"kind": "choice"} | state.get(_SETTING), draft(_SETTING)
    kind = held["kind"] if held["kind"] in _KINDS else "choice"

    def keep(name: str, read: Callable[[Any], object] = str) -> None:
        value = read(st.session_state[f"{key}_{name}_{form.version}"])
        commit(_SETTING, {"kind": "choice"} | state.get(_SETTING) | {name: value})

    def options(name: str, read: Callable[[Any], object] = str) -> dict[str, Any]:
        return {"key": f"{key}_{name}_{form.version}", "on_change": partial(keep, name, read)}

    st.text_input("Your question", held.get("ask", ""), max_chars=300, **options("ask"))
    st.segmented_control(
        "Answered by", list(_KINDS), default=kind, format_func=_KINDS.__getitem__, required=True, **options("kind")
    )
    if kind == "choice":
        st.text_area(
            "Choices, one in a line", "\n".join(held.get("choices", ())), height=110, **options("choices", _lines)
        )
    elif kind == "number":
        st.text_input("Unit", held.get("unit", ""), max_chars=30, placeholder="tokens", **options("unit"))
    elif kind == "cut":
        st.text_input("The word", held.get("text", ""), max_chars=60, placeholder="coconut", **options("text"))
    with st.container(horizontal=True, gap="small"):
        st.text_input(
            "Right answer (may be empty)", held.get("answer", ""), max_chars=300, **options("answer"),
            help="For cuts, the numbers of letters before each cut, such as 2,4.",
        )  # fmt: skip
        st.text_input(
            "Page that shows it (may be empty)", held.get("view", ""), max_chars=2000, placeholder="/tokens?text=hi",
            help="Copy the address of a page of LM Loupe: everybody sees it at the reveal.", **options("view"),
        )  # fmt: skip
    if form.refused:
        st.error(escape_markdown(f"{form.refused}."))


def _lines(typed: str) -> list[str]:
    return [line.strip() for line in typed.splitlines() if line.strip()][:10]


def _filled_in(question: OwnQuestion) -> dict[str, object]:
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in asdict(question).items() if value
    }
