"""Draw one step of a lesson: the question that comes first, and the reveal with the page that shows the answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from lmloupe.errors import LoupeError
from ui.base.errors import escape_markdown, say_error
from ui.learn.embedded_page import draw_page
from ui.learn.facts import Value, is_slow
from ui.learn.facts.calls import filled
from ui.learn.lessons.answers import answer_of
from ui.learn.lessons.boxes import draw_box
from ui.learn.lessons.judging import judge, shown
from ui.learn.lessons.lesson import Lesson, Question, Step
from ui.model.choice import fetch_embedded, to_be_fetched
from ui.page import finding
from ui.state import store as state

__all__ = ["computed", "draw_question", "draw_reveal", "draw_style", "draw_verdict", "draw_view", "verdict"]

_PLAYER = (Path(__file__).parent / "player.css").read_text("utf-8")
_PRESENTING = (Path(__file__).parent / "presenting.css").read_text("utf-8")
Corner = Callable[[], None]


def draw_question(
    step: Step,
    key: str,
    *,
    guess: str | None,
    on_guess: Callable[[str], None],
    closed: bool = False,
    corner: Corner | None = None,
) -> None:
    """Draw what comes before the reveal: heading, prose, and the question with its box. Nothing tells the answer.

    Args:
        step: one with a question.
        key: for the widgets; another one for another lesson or step.
        guess: what was committed, shown in the box; None where nothing was yet.
        on_guess: called in a callback with the guess that a person commits to; it was checked with `judging.refused`.
        closed: whether guesses are no longer taken.
        corner: draws what stands in the corner, such as how many of a class have answered.
    """
    draw_style()
    with st.container(key="lesson_question"):
        finding(step.title)
        _markdown(step.prose)
        if step.question is not None:
            st.container(key="lesson_ask").markdown(step.question.ask)
            draw_box(step.question, key, guess=guess, on_guess=on_guess, closed=closed)
    _in_corner(corner)


def draw_reveal(
    lesson: Lesson,
    index: int,
    *,
    guess: str | None,
    below: Callable[[], None] | None = None,
    corner: Corner | None = None,
) -> None:
    """Draw the reveal: the question, right or wrong with the true answer, why, and the page. Draw it last.

    Args:
        lesson: the lesson.
        index: of the step, from 0.
        guess: what was committed; None where only the answer is to be said, as to a class.
        below: draws what stands between the sentences and the page, such as the way on.
        corner: draws what stands in the corner.
    """
    step = lesson.steps[index]
    draw_style()
    with st.container(key="lesson_reveal"):
        if step.question is None:
            finding(step.title)
            _markdown(step.prose)
        else:
            st.container(key="lesson_asked").markdown(step.question.ask)
            try:
                answer = computed(lesson, index)
            except LoupeError as error:
                say_error(error)
            else:
                draw_verdict(step.question, guess, answer)
        _markdown(step.why)
        if below is not None:
            below()
    _in_corner(corner)
    draw_view(lesson, index)


def draw_view(lesson: Lesson, index: int) -> None:
    """Draw the page that a step shows, if it shows one. Draw it last: a page may end the run."""
    view = lesson.steps[index].view
    if view is not None:
        with st.container(key="lesson_view"):
            draw_page(view, f"{lesson.key} {index}")


def verdict(question: Question, guess: str | None, answer: Value) -> str:
    """Right or wrong with the true answer, as plain text.

    >>> from ui.learn.facts import Fact
    >>> question = Question("number", "How many?", Fact("token_count", ()), unit="tokens")
    >>> verdict(question, "7", 9), verdict(question, "9", 9), verdict(question, None, 9)
    ('Not quite: you guessed 7 tokens, and it is 9 tokens', 'Right: it is 9 tokens', 'It is 9 tokens')
    """
    guessed, said = _VERBS[question.kind]
    true = f"{said} {shown(question, answer)}"
    if guess is None:
        return true[0].upper() + true[1:]
    own = f"you {guessed} {shown(question, guess)}"
    if not judge(question, guess, answer):
        return f"Not quite: {own}, and {true}"
    if question.kind == "number" and shown(question, guess) != shown(question, answer):
        return f"Right: {own}, and {true}"
    return f"Right: {true}"


_VERBS = {
    "choice": ("chose", "the answer is"),
    "number": ("guessed", "it is"),
    "word": ("guessed", "it is"),
    "cut": ("cut", "it is cut"),
}


def draw_verdict(question: Question, guess: str | None, answer: Value) -> None:
    """Say it as the heading, with a sign that needs no colour."""
    sign = (
        "" if guess is None else ":material/check_circle: " if judge(question, guess, answer) else ":material/cancel: "
    )
    st.header(sign + escape_markdown(verdict(question, guess, answer)), anchor=False)


def computed(lesson: Lesson, index: int) -> Value:
    """The answer of a step that asks; a model that it needs and that is not there yet is fetched before the person.

    Raises:
        LoupeError: it could not be computed.
    """
    question = lesson.steps[index].question
    if question is not None and is_slow(question.answer) and to_be_fetched():
        fetch_embedded()
    with st.spinner("Computing the answer …"):
        return answer_of(lesson, index)


def draw_style() -> None:
    """Put the style sheet of lessons into the page."""
    st.html(f"<style>{_PLAYER}{_PRESENTING if state.get('present') else ''}</style>")


def _markdown(text: str) -> None:
    if not text:
        return
    try:
        st.markdown(filled(text))
    except LoupeError as error:
        say_error(error)


def _in_corner(corner: Corner | None) -> None:
    if corner is not None:
        with st.container(key="lesson_corner"):
            corner()
