"""Lessons: guess first, then look."""

from __future__ import annotations

from functools import partial

import streamlit as st

from ui.bar.bar import page_bar
from ui.base.errors import escape_markdown
from ui.base.words import counted
from ui.learn.door.loading import model_loader
from ui.learn.facts import is_slow
from ui.learn.lessons import progress
from ui.learn.lessons.ending import draw_end
from ui.learn.lessons.lesson import Lesson, Step
from ui.learn.lessons.player import draw_question, draw_reveal, draw_style
from ui.learn.lessons.shelf import shelf
from ui.learn.takeaway.lesson_notebook import lesson_notebook
from ui.page import finding
from ui.state import store as state


def draw_list() -> None:
    """Draw all lessons, and where the person is in each."""
    done = sum(at == of for at, of in map(progress.answered, found.lessons))
    finding(
        f"{counted(len(found.lessons), 'lesson')} from a word to a running model, "
        + (f"{done} finished" if done else f"{counted(sum(one.minutes for one in found.lessons), 'minute')} in all")
    )
    if not found.lessons:
        st.info("There is no lesson that can be read.")
    if (begun := begun_lesson()) is not None:
        at, of = progress.answered(begun)
        st.button(
            f"Go on with {escape_markdown(begun.title)}, {at} of {of} answered", key="go_on", type="primary",
            on_click=progress.open_step, args=(begun, first_open(begun)), icon=":material/play_arrow:",
        )  # fmt: skip
    for mistake in found.mistakes:
        st.warning(escape_markdown(mistake), icon=":material/edit_document:")
    with st.container(key="lesson_list"):
        for number, one in enumerate(found.lessons, 1):
            draw_card(number, one)


def draw_card(number: int, one: Lesson) -> None:
    """Draw one lesson of the list."""
    at, of = progress.answered(one)
    stage = "finished" if at == of else "begun" if at else "new"
    with st.container(key=f"lesson_card_{stage}_{number}", border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.html(f'<span class="lesson-number">{number}</span>', width="content")
            st.button(
                escape_markdown(one.title), key=f"open_{one.key}", type="tertiary",
                on_click=progress.open_step, args=(one, 0 if at == of else first_open(one)),
            )  # fmt: skip
        st.markdown(escape_markdown(one.about))
        st.caption(escape_markdown(" · ".join(one.words)))
        with st.container(key=f"lesson_foot_{number}", horizontal=True, vertical_alignment="center", gap="small"):
            st.badge(counted(one.minutes, "minute"), icon=":material/schedule:", color="gray")
            if at:
                st.badge(
                    f"{at} of {of} answered",
                    icon=":material/check:" if at == of else None,
                    color="green" if at == of else "blue",
                )


def begun_lesson() -> Lesson | None:
    """The first lesson with some guesses and not all."""
    return next((one for one in found.lessons if 0 < progress.answered(one)[0] < progress.answered(one)[1]), None)


def first_open(one: Lesson) -> int:
    """The first step of a lesson whose question has no guess yet."""
    asked = (i for i, step in enumerate(one.steps) if step.question is not None)
    return next((i for i in asked if progress.guess_of(one, i) is None), 0)


def draw_steps(one: Lesson, at: int) -> None:
    """Draw the lesson's name and a button for each step, the open one in colour, those with a guess with a sign."""
    with st.container(key="lesson_steps", horizontal=True, vertical_alignment="center", gap="xxsmall"):
        st.markdown(f"**{escape_markdown(one.title)}**", width="content")
        for i, step in enumerate(one.steps):
            st.button(
                str(i + 1), key=f"step_{i}", type="primary" if i == at else "secondary",
                icon=":material/check:" if progress.guess_of(one, i) is not None else None,
                help=escape_markdown(step.title), on_click=progress.open_step, args=(one, i),
            )  # fmt: skip
        st.button(
            "End", key="step_end", type="primary" if at == len(one.steps) else "secondary",
            on_click=progress.open_step, args=(one, len(one.steps)),
        )  # fmt: skip


def draw_ways_on(one: Lesson, at: int) -> None:
    """Draw the buttons under the reveal."""
    if state.get("present"):
        return
    last = at + 1 == len(one.steps)
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Finish" if last else "Next", key="next", type="primary", icon=":material/arrow_forward:",
            on_click=progress.open_step, args=(one, at + 1),
        )  # fmt: skip
        if one.steps[at].question is not None:
            st.button("Guess again", key="guess_again", on_click=progress.forget, args=(one, at))


def draw_lesson(one: Lesson) -> None:
    """Draw the step that is open."""
    at = progress.step_open(one)
    if state.get("present"):
        place = f"{at + 1} of {len(one.steps)}" if at < len(one.steps) else "the end"
        st.caption(escape_markdown(f"{one.title} · {place}"))
    else:
        draw_steps(one, at)
    shown = progress.phase(one)
    if shown == "end":
        draw_end(one, following(one))
        draw_take_home(one)
    elif shown == "question":
        draw_question(
            one.steps[at],
            f"{one.key}_{at}",
            guess=progress.guess_of(one, at),
            on_guess=partial(progress.commit, one, at),
        )
        if runs_model(one.steps[at]):
            model_loader().start()  # while the person thinks
    else:
        draw_reveal(one, at, guess=progress.guess_of(one, at), below=partial(draw_ways_on, one, at))


def draw_take_home(one: Lesson) -> None:
    """Draw the button for the lesson as a notebook; it is made when it is asked for."""
    st.download_button(
        "This lesson as a notebook", partial(lesson_notebook, one), f"lm-loupe-{one.key}.ipynb",
        "application/x-ipynb+json", key="lesson_notebook", on_click="ignore", icon=":material/download:",
        help="Its prose, its questions, and the code of each answer and of each page. The first time it takes up to a "
        "minute, because the pages are run.",
    )  # fmt: skip


def runs_model(step: Step) -> bool:
    """Whether the answer takes the model, so that it would be waited for at the reveal."""
    return step.question is not None and is_slow(step.question.answer)


def following(one: Lesson) -> Lesson | None:
    """The lesson after this one."""
    place = found.lessons.index(one) + 1
    return found.lessons[place] if place < len(found.lessons) else None


found = shelf()
key = state.get("lesson_file")
opened = next((one for one in found.lessons if one.key == key), None)
bar = page_bar("lessons", on_turn=partial(progress.turn, opened, following(opened)) if opened else None)
if key and opened is None:
    st.warning(f"There is no lesson {escape_markdown(key)} here; these are all that there are.")
# Arrow keys may have turned to another one.
opened = next((one for one in found.lessons if one.key == state.get("lesson_file")), None)
if opened is None:
    draw_style()
    draw_list()
else:
    with bar.picks:
        st.button("All lessons", key="all_lessons", icon=":material/list:", on_click=progress.open_step, args=(None,))
    draw_lesson(opened)
