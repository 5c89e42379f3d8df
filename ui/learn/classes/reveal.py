"""The answer of a step: what is right, why, and the page itself with the settings that the class has pinned."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ui.base.errors import escape_markdown
from ui.base.loaders import display_name
from ui.learn.classes.steps import Shown
from ui.learn.facts import Value
from ui.learn.lessons import player
from ui.learn.lessons.player import draw_reveal, draw_style, draw_verdict, draw_view
from ui.page import finding
from ui.state.settings import EMBEDDED_MODEL

__all__ = ["computed", "draw_answer", "say_other_model"]


def draw_answer(step: Shown, guess: str | None, below: Callable[[], None]) -> None:
    """Draw it. Draw it last: a page may end the run.

    Args:
        step: the step.
        guess: of the student; None where only the answer is to be said.
        below: draws what stands between the answer and the page.
    """
    if not step.own:
        draw_reveal(step.lesson, step.index, guess=guess, below=lambda: _below(step, below))
        return
    draw_style()
    with st.container(key="lesson_reveal"):
        question, answer = step.question, computed(step)
        if question is not None and answer is not None:
            draw_verdict(question, guess, answer)
        else:
            finding("What the class thinks")
        if question is not None:
            st.markdown(question.ask)
        below()
    draw_view(step.lesson, step.index)


def computed(step: Shown) -> Value | None:
    """The right answer, None where there is none; a model that it needs and that is not there yet is fetched first.

    Raises:
        LoupeError: it could not be computed.
    """
    return step.answer() if step.own or step.question is None else player.computed(step.lesson, step.index)


def _below(step: Shown, below: Callable[[], None]) -> None:
    say_other_model(step)
    below()


def say_other_model(step: Shown) -> None:
    """Say where the page shows another model than the one that the answer was computed with."""
    if step.other_model and step.question is not None:
        pinned, own = display_name(step.other_model), display_name(EMBEDDED_MODEL)
        st.caption(escape_markdown(f"The class looks at {pinned}; the answer above is computed with {own}."))
