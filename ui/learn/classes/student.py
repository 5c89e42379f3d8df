"""A class as a student sees it: join, guess, see what everybody thought."""

from __future__ import annotations

from functools import partial

import streamlit as st

from ui.base.errors import escape_markdown, show_errors
from ui.base.words import counted
from ui.learn.classes.follow import draw_live_count, follow
from ui.learn.classes.guesses.charts import draw_distribution
from ui.learn.classes.guesses.results import sentence
from ui.learn.classes.reveal import draw_answer
from ui.learn.classes.said import attempt
from ui.learn.classes.shared import Keys, store, student_id
from ui.learn.classes.steps import Shown, right_ones, shown_step
from ui.learn.classes.store.answers import Classroom
from ui.learn.lessons.judging import shown
from ui.learn.lessons.lesson import Question
from ui.learn.lessons.player import draw_question
from ui.page import finding
from ui.state import store as state

__all__ = ["draw_ended", "draw_join", "draw_student"]


def draw_join(room: Classroom, keys: Keys, name: str) -> None:
    """Draw the one button that lets somebody in."""
    finding(f"Class {room.code}: {name}")
    st.button("Join", type="primary", key="join_class", icon=":material/login:", on_click=_join, args=(room.code, keys))
    st.caption("You need no account and no name. The class sees how many guessed what, never who.")


def _join(code: str, keys: Keys) -> None:
    def join() -> None:
        store().join(code, student_id(keys))
        keys.joined = True

    attempt(join)


def draw_student(room: Classroom, keys: Keys) -> None:
    """Draw the step that the class is at, or at one's own pace the own one. May end the run: draw it last."""
    student = student_id(keys)
    joined = store().counts(room.code, room.position).joined
    follow(room, joined, keys)
    guesses = store().guesses_of(room.code, student)
    if room.pace == "own":
        _draw_own_pace(room, keys, guesses)
    elif room.phase == "lobby":
        finding("You are in: the class begins soon")
        draw_live_count(room, joined, "class_lobby")
        st.caption(
            "Leave this page open. It goes on by itself when the teacher does, also after a break of the network."
        )
    elif room.item is None:
        _draw_end(room, guesses, "That was the last step")
    else:
        _draw_step(room, keys, room.position, guesses.get(room.position))


def _draw_step(room: Classroom, keys: Keys, position: int, guess: str | None) -> None:
    with show_errors():
        step = shown_step(room, position)
        if room.phase == "reveal":
            draw_answer(step, guess, below=partial(_draw_class, room, position, step))
            return
        is_open = room.phase == "open"
        draw_question(
            step.step, f"class_{room.code}_{position}", guess=guess, closed=not is_open,
            on_guess=partial(_guess, room.code, keys, position),
        )  # fmt: skip
        if not is_open:
            st.info("No more guesses: the answer comes next." if guess is not None else "This question is closed.")
        elif guess is not None:
            st.success("Your guess is in. You can change it until the question is closed.")


def _draw_class(room: Classroom, position: int, step: Shown) -> None:
    """What everybody thought, once the answer is shown."""
    question = step.question
    if question is not None:
        guesses, answer = store().guesses(room.code, position), step.answer()
        st.markdown(escape_markdown(f"The class: {sentence(question, guesses, answer)}."))
        draw_distribution(question, guesses, answer, f"class_{position}")


def _guess(code: str, keys: Keys, position: int, guess: str) -> None:
    attempt(lambda: store().guess(code, student_id(keys), position, guess))


def _draw_own_pace(room: Classroom, keys: Keys, guesses: dict[int, str]) -> None:
    at = min(state.get("class_step"), len(room.plan))
    if at == len(room.plan):
        _draw_end(room, guesses, "That was the last step")
        _draw_ways(at, len(room.plan))
        return
    with show_errors():
        step, guess = shown_step(room, at), guesses.get(at)
        if step.question is not None and guess is None:
            draw_question(
                step.step, f"class_{room.code}_{at}", guess=None, on_guess=partial(_guess, room.code, keys, at)
            )
            _draw_ways(at, len(room.plan))
        else:
            draw_answer(step, guess, below=partial(_draw_ways, at, len(room.plan)))


def _draw_ways(at: int, n: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="class_ways"):
        st.button("Back", key="own_back", disabled=at == 0, on_click=state.put, args=("class_step", at - 1))
        if at < n:
            st.button("Next", key="own_next", type="primary", on_click=state.put, args=("class_step", at + 1))
            st.markdown(f"Step {at + 1} of {n}", width="content")


def _draw_end(room: Classroom, guesses: dict[int, str], words: str) -> None:
    """How many of the own guesses were right, and each with its answer."""
    rows: list[tuple[str, int | None]] = []
    for position, guess in sorted(guesses.items()):
        with show_errors():
            step = shown_step(room, position)
            question = step.question
            if question is not None:
                rows.append((_own_words(question, guess, step), right_ones(step, [guess])))
    judged = [right for _, right in rows if right is not None]
    finding(f"{words}: {sum(judged)} of your {counted(len(judged), 'guess', 'guesses')} right" if judged else words)
    for words, right in rows:
        sign = ":material/remove:" if right is None else ":material/check:" if right else ":material/close:"
        st.markdown(f"{sign} {escape_markdown(words)}")


def _own_words(question: Question, guess: str, step: Shown) -> str:
    answer = step.answer()
    true = "" if answer is None else f"; it is {shown(question, answer)}"
    return f"{step.step.title}: you said {shown(question, guess)}{true}"


def draw_ended(room: Classroom, keys: Keys) -> None:
    """Say that the class has ended, and what one's own guesses were."""
    st.info(f"The class {room.code} has ended.")
    if keys.joined:
        _draw_end(room, store().guesses_of(room.code, student_id(keys)), "What you guessed")
