"""Ask the class: the question of a figure in large letters, with its answer hidden until the teacher shows it."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence

import streamlit as st

from ui.base import theme
from ui.base.errors import escape_markdown, show_errors

__all__ = ["ask_the_class"]


def ask_the_class(question: str, choices: Sequence[str], *, key: str, answer: Callable[[], str] | None = None) -> None:
    """Draw the button; pressed, it shows the question to a whole class.

    Args:
        question: what is asked; plain text.
        choices: what can be answered; plain text.
        key: one for each place that draws it.
        answer: gives the right one of ``choices``; None while it is not known yet.
    """
    if st.button(
        "Ask the class", key=f"ask_{key}", icon=":material/groups:", type="tertiary",
        help="Shows this question large, for everybody in the room, with its answer hidden.",
    ):  # fmt: skip
        _large(question, tuple(choices), key, answer)


@st.dialog("Ask the class", width="large")
def _large(question: str, choices: tuple[str, ...], key: str, answer: Callable[[], str] | None) -> None:
    shown = st.session_state.get(f"asked_{key}_shown", False)
    right = None
    with show_errors():
        right = answer() if shown and answer is not None else None
    lines = [
        _choice(letter, choice, is_right=choice == right) for letter, choice in zip("ABCDEF", choices, strict=False)
    ]
    st.html(
        f'<div style="font-size:2rem;line-height:1.3"><p>{html.escape(question)}</p>{"".join(lines)}</div>',
    )
    if answer is None:
        st.caption("The answer can be shown once the model is loaded.")
        return
    st.toggle("Show the answer", key=f"asked_{key}_shown")
    if right is not None:
        st.success(f"**{escape_markdown(right)}**", icon=":material/check:")


def _choice(letter: str, choice: str, *, is_right: bool) -> str:
    mark = f"background:{theme.token_tints()[0]};font-weight:600;" if is_right else ""
    return (
        f'<div style="{mark}padding:.2rem .6rem;border-radius:.3rem;margin:.3rem 0">'
        f"<b>{letter}</b>&ensp;{html.escape(choice)}</div>"
    )
