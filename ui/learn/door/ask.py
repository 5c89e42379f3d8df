"""Ask the class: the question of a figure in large letters, its answer hidden until it is shown, and on to a class."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence

import streamlit as st

from ui.base import theme
from ui.base.errors import show_errors

__all__ = ["ask_the_class"]


def ask_the_class(
    question: str, choices: Sequence[str], *, key: str, view: str = "", answer: Callable[[], str] | None = None
) -> None:
    """Draw the button; pressed, it shows the question to the room, and offers to ask it in a class on the phones.

    Args:
        question: what is asked; plain text.
        choices: what can be answered; plain text.
        key: one for each place that draws it.
        view: the address of the page that shows the answer; "" for none.
        answer: gives the right one of ``choices``; None while it is not known yet.
    """
    if st.button(
        "Ask the class", key=f"ask_{key}", icon=":material/groups:", type="tertiary",
        help="Shows this question large, for everybody in the room, with its answer hidden.",
    ):  # fmt: skip
        _large(question, tuple(choices), key, view, answer)


@st.dialog("Ask the class", width="large")
def _large(question: str, choices: tuple[str, ...], key: str, view: str, answer: Callable[[], str] | None) -> None:
    from ui.learn.classes import asking  # not above: the first page is drawn without it
    from ui.learn.classes.store.plan import OwnQuestion

    right = None
    with show_errors():
        right = answer() if answer is not None else None
    shown = right is not None and st.session_state.get(f"asked_{key}_shown", False)
    lettered = zip("ABCDEF", choices, strict=False)
    lines = [_choice(letter, choice, is_right=shown and choice == right) for letter, choice in lettered]
    asked = f'<div style="margin-bottom:.6rem">{html.escape(question)}</div>'
    st.html(f'<div style="font-size:2rem;line-height:1.3">{asked}{"".join(lines)}</div>')
    if right is None:
        st.caption("The answer can be shown once the model is loaded.")
    with st.container(horizontal=True, vertical_alignment="center"):
        if right is not None:
            st.toggle("Show the answer", key=f"asked_{key}_shown")
        asking.ask_link(OwnQuestion("choice", question, choices, answer=right or "", view=view))


def _choice(letter: str, choice: str, *, is_right: bool) -> str:
    style = f"background:{theme.token_tints()[0]};font-weight:600;" if is_right else ""
    mark = "&ensp;✓" if is_right else ""
    return (
        f'<div style="{style}padding:.2rem .6rem;border-radius:.3rem;margin:.3rem 0">'
        f"<b>{letter}</b>&ensp;{html.escape(choice)}{mark}</div>"
    )
