"""Lessons: guess first, then look."""

from __future__ import annotations

import streamlit as st

from ui.bar.bar import page_bar
from ui.base.errors import escape_markdown
from ui.base.words import counted
from ui.learn.lessons.lesson import Lesson
from ui.learn.lessons.player import draw_question, draw_reveal
from ui.learn.lessons.shelf import shelf
from ui.page import finding
from ui.state import store as state

bar = page_bar("lessons")
found = shelf()
by_key = {one.key: one for one in found.lessons}


def open_step(key: str, step: int = 0) -> None:
    """Open a step of a lesson; "" is the list."""
    state.put("lesson_file", key)
    state.put("lesson_step", step)


def commit(key: str, step: int, guess: str) -> None:
    """Keep a guess."""
    guesses = state.get("guesses")
    guesses.setdefault(key, {})[str(step)] = guess
    state.put("guesses", guesses)


def draw_list() -> None:
    """Draw all lessons."""
    finding(f"{counted(len(found.lessons), 'lesson')}: guess first, then look")
    for one in found.lessons:
        st.button(escape_markdown(one.title), key=f"open_{one.key}", on_click=open_step, args=(one.key,))
        st.caption(f"{one.minutes} minutes")
    for mistake in found.mistakes:
        st.warning(escape_markdown(mistake))


def draw_lesson(one: Lesson) -> None:
    """Draw the step that is open."""
    index = min(state.get("lesson_step"), len(one.steps) - 1)
    guess = state.get("guesses").get(one.key, {}).get(str(index))
    if one.steps[index].question is not None and guess is None:
        draw_question(
            one.steps[index], f"{one.key}_{index}", guess=None, on_guess=lambda typed: commit(one.key, index, typed)
        )
        return

    def ways_on() -> None:
        with st.container(horizontal=True):
            if index + 1 < len(one.steps):
                st.button("Next", on_click=open_step, args=(one.key, index + 1), type="primary")
            st.button("All lessons", on_click=open_step, args=("",))

    draw_reveal(one, index, guess=guess, below=ways_on)


if state.get("lesson_file") in by_key:
    draw_lesson(by_key[state.get("lesson_file")])
else:
    draw_list()
