"""A class as its teacher sees it, and the wall: the door, the question, how many think, what they thought."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from lmloupe.errors import LoupeError
from ui.bar.bar import Bar
from ui.base.errors import escape_markdown, show_errors
from ui.base.words import counted, percent
from ui.components.class_door import copy_button, door_sheet
from ui.learn.classes.asking import own_question, question_form
from ui.learn.classes.follow import draw_live_count, follow
from ui.learn.classes.front import draw_pins, pinned_params
from ui.learn.classes.guesses.charts import draw_distribution
from ui.learn.classes.guesses.export import class_csv
from ui.learn.classes.guesses.results import sentence
from ui.learn.classes.links import is_local, join_link, teacher_link
from ui.learn.classes.reveal import computed, say_other_model
from ui.learn.classes.said import attempt
from ui.learn.classes.shared import leave, store
from ui.learn.classes.steps import Shown, ask_of, right_ones, shown_step
from ui.learn.classes.store.answers import ClassError, Classroom, Pace
from ui.learn.classes.store.plan import Item
from ui.learn.facts.calls import filled
from ui.learn.lessons.player import draw_style, draw_view
from ui.page import finding
from ui.state import store as state

__all__ = ["SHOWN", "draw_teacher", "turn"]

SHOWN = "class_shown"
"""Position and phase on this session's screen: a press that was meant for them moves nothing else."""


def turn(code: str, secret: str, by: int) -> None:
    """Go on or back, from what is on the screen."""
    room = store().look(code)
    seen = st.session_state.get(SHOWN, (code, room.position, room.phase))
    if seen[0] == code:
        attempt(lambda: store().move(code, secret, by, seen[1:]))


def draw_teacher(bar: Bar, room: Classroom, secret: str, name: str) -> None:
    """Draw the class for who leads it. May end the run: draw it last."""
    st.session_state[SHOWN] = (room.code, room.position, room.phase)
    joined = store().counts(room.code, room.position).joined
    follow(room, joined)
    with bar.gear:
        _draw_gear(room, secret)
    if room.pulse.running:
        with bar.picks:
            _draw_moves(room, secret)
        _draw_ready_question(room, secret)
    else:
        st.info(f"The class {room.code} has ended. Its guesses can be exported for a week.")
    if not room.pulse.running or room.phase == "finish":
        _draw_summary(room, secret)
    elif room.pace == "own":
        finding(f"{name}: {counted(joined, 'student')} at their own pace")
        door_sheet("class_door", room.code, join_link(room.code))
        _draw_live(room, joined)
        _draw_summary(room, secret)
    elif room.phase == "lobby":
        _draw_lobby(room, joined, name)
    else:
        _draw_step(room, joined)


def _draw_moves(room: Classroom, secret: str) -> None:
    go = partial(turn, room.code, secret)
    if room.pace == "own":
        st.button("All together from here", key="class_together", on_click=_change, args=(room, secret, "together"))
        return
    arrow = "{} arrow in the presenter view (P)."
    st.button(
        "Back", key="class_back", disabled=room.phase == "lobby", on_click=go, args=(-1,), help=arrow.format("Left")
    )
    if room.phase in ("open", "closed") and room.position > room.revealed:
        is_open = room.phase == "open"
        st.button(
            "Close" if is_open else "Open again", key="class_close",
            on_click=attempt, args=(lambda: store().set_open(room.code, secret, not is_open),),
            help="No more guesses, and no answer yet." if is_open else "Take guesses again.",
        )  # fmt: skip
    if room.phase != "finish":
        label = {"lobby": "Begin", "open": "Reveal", "closed": "Reveal", "reveal": "Next"}[room.phase]
        st.button(label, key="class_on", type="primary", on_click=go, args=(1,), help=arrow.format("Right"))


def _draw_lobby(room: Classroom, joined: int, name: str) -> None:
    finding(f"Join the class: {name}")
    door_sheet("class_door", room.code, join_link(room.code))
    _draw_live(room, joined)
    if is_local():
        st.warning(
            "This link begins with the name of this computer alone, so that no phone can open it. Open LM Loupe by the "
            "computer's address in the network, such as 192.168.1.20:8501, and start the class there.",
            icon=":material/wifi_off:",
        )
    st.container(key="class_facts").caption(_pinned_words(room))


def _pinned_words(room: Classroom) -> str:
    pinned = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in room.pins.items() if name != "z")
    return escape_markdown(
        f"{counted(sum(item.asks for item in room.plan), 'question')} in {counted(len(room.plan), 'step')}. "
        f"Pinned: {pinned or 'the defaults of every page'}. In the presenter view (P) the arrow keys lead the class."
    )


def _draw_step(room: Classroom, joined: int) -> None:
    with show_errors():
        step = shown_step(room, room.position)
        if room.phase == "reveal":
            _draw_reveal(room, step)
        else:
            _draw_question(room, step, joined)


def _draw_question(room: Classroom, step: Shown, joined: int) -> None:
    """The question without a box: the teacher guesses nothing, and a room reads it."""
    question = step.question
    draw_style()
    with st.container(key="lesson_question"):
        finding(step.step.title)
        if step.step.prose:
            st.markdown(filled(step.step.prose))
        if question is not None:
            st.container(key="lesson_ask").markdown(question.ask)
            if question.kind == "choice":
                with st.container(key="class_choices"):
                    for letter, choice in zip("ABCDEF", question.choices, strict=False):
                        st.markdown(f"**{letter}**\u2003{escape_markdown(choice)}")
            elif question.kind == "cut":
                st.container(key="class_word").markdown(escape_markdown(question.text))
            elif question.unit:
                st.markdown(escape_markdown(f"In {question.unit}"))
    if room.phase == "closed":
        st.info("No more guesses.")
    _draw_live(room, joined)


def _draw_live(room: Classroom, joined: int) -> None:
    """The count, with the code for who comes late; in the presenter view it stands in the corner."""
    at_door = room.phase == "lobby" or room.pace == "own"
    with st.container(key="class_joined" if at_door else "class_corner", horizontal=True, vertical_alignment="center"):
        if not at_door:
            st.markdown(f"**{room.code}**", width="content")
        draw_live_count(room, joined, "class_count")


def _draw_reveal(room: Classroom, step: Shown) -> None:
    question = step.question
    if question is None:
        finding(step.step.title)
        if step.step.prose:
            st.markdown(filled(step.step.prose))
    else:
        guesses = store().guesses(room.code, room.position)
        answer = None
        with show_errors():
            answer = computed(step)
        with st.container(key="class_reveal"):
            finding(sentence(question, guesses, answer))
            st.markdown(question.ask)
            draw_distribution(question, guesses, answer, f"class_{room.position}")
        say_other_model(step)
    if step.step.why:
        st.markdown(filled(step.step.why))
    draw_view(step.lesson, step.index)


def _draw_summary(room: Classroom, secret: str) -> None:
    """Every question with how many answered it and how many were right; live while the class runs."""
    rows = []
    answered = store().answered(room.code)
    for position, item in enumerate(room.plan):
        if item.asks:
            n, right = answered.get(position, 0), "–"
            try:
                step = shown_step(room, position)
                if n and (k := right_ones(step, store().guesses(room.code, position))) is not None:
                    right = percent(k / n)
            except LoupeError as error:
                right = str(error)
            rows.append({"Step": position + 1, "Question": ask_of(item), "Guesses": n, "Right": right})
    if room.phase == "finish" or not room.pulse.running:
        finding(f"{counted(sum(answered.values()), 'guess', 'guesses')} on {counted(len(rows), 'question')}")
    st.dataframe(pd.DataFrame(rows), hide_index=True, key="class_summary")
    _draw_export(room, secret, "summary")


def _draw_export(room: Classroom, secret: str, where: str) -> None:
    st.download_button(
        "CSV of all guesses", lambda: class_csv(room, store().rows(room.code, secret)), f"class-{room.code}.csv",
        "text/csv", key=f"class_csv_{where}", on_click="ignore", icon=":material/download:",
        help="A line for each guess; students are numbers.",
    )  # fmt: skip


def _draw_gear(room: Classroom, secret: str) -> None:
    copy_button("class_copy", "Copy the teacher's link", teacher_link(room.code, secret))
    st.caption(
        "Whoever has this link can lead the class: open it on another device of yours, and give it to nobody. The "
        "address bar and the QR code never have it, so what you share from there lets people join and no more. This "
        "browser remembers that you lead the class."
    )
    if room.pulse.running:
        names: dict[str, Pace] = {"All together": "together", "Each at their own pace": "own"}
        for label, pace in names.items():
            if pace != room.pace:
                st.button(label, key=f"class_pace_{pace}", on_click=_change, args=(room, secret, pace))
        draw_pins()
        st.button(
            "Pin these for the class", key="class_pin",
            on_click=attempt, args=(lambda: store().change(room.code, secret, pins=pinned_params()),),
        )  # fmt: skip
        with st.expander("Ask something else now"):
            question_form("now")
    _draw_export(room, secret, "gear")
    if room.pulse.running:
        st.button(
            "End the class", key="class_end", icon=":material/stop_circle:",
            on_click=attempt, args=(lambda: store().end(room.code, secret),),
        )  # fmt: skip
    st.button("Leave this page of the class", key="class_leave", on_click=leave)


def _draw_ready_question(room: Classroom, secret: str) -> None:
    """Offer the question that another page has sent here, or that the form holds."""
    try:
        own = own_question()
    except ClassError as error:
        st.caption(escape_markdown(str(error)))
    else:
        if own is not None:
            with st.container(horizontal=True, vertical_alignment="center", gap="small", key="class_ready"):
                st.markdown(f"Your question: {escape_markdown(own.ask)}", width="content")
                st.button("Ask it now", key="class_ask_now", on_click=attempt, args=(lambda: _ask(room, secret),))
                st.button("Put it away", key="class_ask_never", on_click=state.put, args=("class_question", {}))


def _ask(room: Classroom, secret: str) -> None:
    own = own_question()
    if own is not None:
        store().insert(room.code, secret, Item(own=own))
        state.put("class_question", {})


def _change(room: Classroom, secret: str, pace: Pace) -> None:
    attempt(lambda: store().change(room.code, secret, pace=pace))
