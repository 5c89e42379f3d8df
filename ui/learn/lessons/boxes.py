"""The box of a question: large buttons for a choice, a line for a number or a word, a text to be cut."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ui.base.errors import escape_markdown
from ui.learn.lessons.judging import refused
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
    if question.kind == "choice":
        _draw_choices(question, key, guess, on_guess, closed)
    else:
        _draw_line(question, key, guess, on_guess, closed)


def _draw_choices(
    question: Question, key: str, guess: str | None, on_guess: Callable[[str], None], closed: bool
) -> None:
    with st.container(key="lesson_choices", horizontal=True, gap="small"):
        for i, choice in enumerate(question.choices):
            st.button(
                escape_markdown(choice), key=f"{key}_choice_{i}", on_click=on_guess, args=(choice,), disabled=closed,
                type="primary" if choice == guess else "secondary",
            )  # fmt: skip


def _draw_line(question: Question, key: str, guess: str | None, on_guess: Callable[[str], None], closed: bool) -> None:
    box = f"{key}_line"
    why_not = f"{key}_refused"

    def commit() -> None:
        typed = str(st.session_state.get(box) or "").strip()
        st.session_state[why_not] = reason = refused(question, typed)
        if not reason:
            on_guess(typed)

    with (
        st.form(f"{key}_form", border=False),
        st.container(key="lesson_line", horizontal=True, vertical_alignment="bottom"),
    ):
        label = {"number": question.unit or "A number", "word": "A word", "cut": question.text}[question.kind]
        st.text_input(
            escape_markdown(label), guess or "", key=box, max_chars=MAX_GUESS_CHARACTERS, disabled=closed, width=320,
            placeholder="places, such as 2,4" if question.kind == "cut" else None,
        )  # fmt: skip
        st.form_submit_button(COMMIT, key=f"{key}_commit", on_click=commit, disabled=closed, type="primary")
    if st.session_state.get(why_not):
        st.error(escape_markdown(st.session_state[why_not]))
