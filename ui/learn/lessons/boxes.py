"""The box of a question: large buttons for a choice, a line for a number or a word, a text to be cut."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ui.base.errors import escape_markdown
from ui.components.cut_box import cut_box, cuts_in
from ui.components.live_text import browser_attached
from ui.learn.lessons.judging import read_cuts, refused
from ui.learn.lessons.lesson import Question
from ui.state.settings.learn import MAX_GUESS_CHARACTERS

__all__ = ["draw_box"]

COMMIT = "That is my guess"


def draw_box(
    question: Question, key: str, *, guess: str | None, on_guess: Callable[[str], None], closed: bool = False
) -> None:
    """Draw where a person answers; ``on_guess`` is called in a callback with a guess that can be read.

    Args:
        question: what is asked.
        key: for the widgets.
        guess: what was committed, shown in the box.
        on_guess: takes the guess.
        closed: whether guesses are no longer taken.
    """
    why_not = f"{key}_refused"

    def take(typed: str) -> None:
        st.session_state[why_not] = reason = refused(question, typed)
        if not reason:
            on_guess(typed)

    if question.kind == "choice":
        _draw_choices(question, key, guess, take, closed)
    elif question.kind == "cut" and browser_attached():
        _draw_cut(question, key, guess, take, closed)
    else:
        _draw_line(question, key, guess, take, closed)
    if st.session_state.get(why_not):
        st.error(escape_markdown(st.session_state[why_not]))


def _draw_choices(question: Question, key: str, guess: str | None, take: Callable[[str], None], closed: bool) -> None:
    with st.container(key="lesson_choices", horizontal=True, gap="small"):
        for i, choice in enumerate(question.choices):
            st.button(
                escape_markdown(choice), key=f"{key}_choice_{i}", on_click=take, args=(choice,), disabled=closed,
                type="primary" if choice == guess else "secondary",
            )  # fmt: skip


def _draw_cut(question: Question, key: str, guess: str | None, take: Callable[[str], None], closed: bool) -> None:
    cuts = None if guess is None else read_cuts(guess, len(question.text))
    box = f"{key}_cut"
    cut_box(
        question.text, cuts=cuts, closed=closed, commit=COMMIT.lower(), key=box, on_commit=lambda: take(cuts_in(box))
    )


def _draw_line(question: Question, key: str, guess: str | None, take: Callable[[str], None], closed: bool) -> None:
    box = f"{key}_line"

    def commit() -> None:
        take(str(st.session_state.get(box) or "").strip())

    label = {"number": question.unit or "Your number", "word": "Your word"}.get(question.kind, question.text)
    with st.form(f"{key}_form", border=False), st.container(key="lesson_line", horizontal=True, gap="small"):
        st.text_input(
            escape_markdown(label), guess or "", key=box, max_chars=MAX_GUESS_CHARACTERS, disabled=closed, width=320,
            placeholder="Places such as 2,4" if question.kind == "cut" else None,
        )  # fmt: skip
        st.form_submit_button(COMMIT, key=f"{key}_commit", on_click=commit, disabled=closed, type="primary")
