"""The end of a lesson: how many guesses were right, what each was, and what is next."""

from __future__ import annotations

import streamlit as st

from lmloupe.errors import LoupeError
from ui.base.errors import escape_markdown
from ui.base.glossary.entries import find
from ui.base.words import counted
from ui.learn.lessons import progress
from ui.learn.lessons.answers import answer_of
from ui.learn.lessons.judging import judge, shown
from ui.learn.lessons.lesson import Lesson
from ui.page import finding, words_here
from ui.state import store as state

__all__ = ["draw_end"]


def draw_end(lesson: Lesson, following: Lesson | None) -> None:
    """Draw the end; an answer is named only where there was a guess.

    Args:
        lesson: the one that ends.
        following: the next one; None after the last.
    """
    with st.spinner("Computing the answers …"):
        right, lines = _judged(lesson)
    given, asked = progress.answered(lesson)
    if state.get("present") and not given:
        finding(f"The end of “{lesson.title}”")
        if following is not None:
            st.markdown(f"Next: {escape_markdown(following.title)}")
        return
    finding(_score(right, given, asked))
    with st.container(key="lesson_end"):
        with st.container(horizontal=True, gap="small"):
            if following is not None:
                st.button(
                    f"Next lesson: {escape_markdown(following.title)}", key="next_lesson", type="primary",
                    icon=":material/arrow_forward:", on_click=progress.open_step, args=(following,),
                )  # fmt: skip
            st.button(
                "Try again", key="try_again", icon=":material/replay:", on_click=progress.forget, args=(lesson,),
                help="Takes back all guesses of this lesson.",
            )  # fmt: skip
        if following is None:
            st.markdown("This was the last lesson.")
        for line in lines:
            st.markdown(line)
        if known := [word.key for name in lesson.words if (word := find(name))]:
            words_here(*known)


def _score(right: int, given: int, asked: int) -> str:
    if not asked:
        return "The end of the lesson"
    if not given:
        return f"None of the {counted(asked, 'question')} is answered yet"
    rest = "" if given == asked else f", and {counted(asked - given, 'question is', 'questions are')} still open"
    return f"{right} of {given} right{rest}"


def _judged(lesson: Lesson) -> tuple[int, list[str]]:
    """How many guesses were right, and a line of Markdown for each question."""
    right, lines = 0, []
    for index, step in enumerate(lesson.steps):
        if step.question is None:
            continue
        guess = progress.guess_of(lesson, index)
        title = f"**{escape_markdown(step.title)}**"
        if guess is None:
            lines.append(f":material/radio_button_unchecked: {title}: no guess yet")
            continue
        try:
            answer = answer_of(lesson, index)
        except LoupeError as error:
            lines.append(f":material/error: {title}: {escape_markdown(str(error))}")
            continue
        good = judge(step.question, guess, answer)
        right += good
        own, true = (escape_markdown(shown(step.question, value)) for value in (guess, answer))
        sign = ":material/check_circle:" if good else ":material/cancel:"
        lines.append(f"{sign} {title}: {true}" + ("" if own == true else f"; you guessed {own}"))
    return right, lines
