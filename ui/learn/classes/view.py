"""The page of a class: for who leads it, for who is in it, and for who comes to its door."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import streamlit as st

from ui.bar.bar import page_bar
from ui.base.errors import escape_markdown, show_errors
from ui.learn.classes.front import draw_front
from ui.learn.classes.links import join_link
from ui.learn.classes.said import draw_said
from ui.learn.classes.shared import leave, led, remembered, room_of, store
from ui.learn.classes.store.answers import ClassError, Classroom
from ui.learn.classes.store.codes import CODE_LENGTH, read_code
from ui.learn.classes.student import draw_ended, draw_join, draw_student
from ui.learn.classes.teacher import SHOWN, draw_teacher, turn
from ui.learn.lessons.shelf import lesson
from ui.state import store as state

__all__ = ["draw_class_page"]

_STYLE = (Path(__file__).parent / "classes.css").read_text("utf-8")


def draw_class_page() -> None:
    """Draw all of it, the bar included."""
    typed = state.get("class_code")
    code = read_code(typed)
    leads = None
    with show_errors():
        leads = led()
    bar = page_bar("class", None if leads is None else partial(turn, *leads), link=_link(code, leads is not None))
    st.html(f"<style>{_STYLE}</style>")
    draw_said()
    if not typed:
        draw_front("")
        return
    if code is None:
        st.error(f"“{escape_markdown(typed)}” is no code of a class: a code has {CODE_LENGTH} letters.")
        draw_front(typed)
        return
    try:
        keys = remembered(code)
        room = room_of(code)
        is_teacher = keys.teacher is not None and store().leads(code, keys.teacher)
        keys.joined = keys.student is not None and not is_teacher and store().is_student(code, keys.student)
    except ClassError as error:
        st.error(escape_markdown(str(error)))
        draw_front(typed)
        return
    name = _name(room)
    if is_teacher and keys.teacher is not None:
        with show_errors():
            draw_teacher(bar, room, keys.teacher, name)
        return
    with bar.gear:
        st.button("Leave the class", key="class_leave", on_click=leave)
    if keys.wrong or keys.teacher is not None:
        st.warning("The teacher's link that this browser has is not that of this class: ask for it again.")
    with show_errors():
        if not room.pulse.running:
            draw_ended(room, keys)
            draw_front("")
        elif keys.joined:
            draw_student(room, keys)
        else:
            draw_join(room, keys, name)


def _link(code: str | None, leads: bool) -> str | None:
    """What the corner's QR code holds: the way in, and nothing beside the large one at the door."""
    if code is None:
        return None
    shown = st.session_state.get(SHOWN)
    at_door = leads and shown is not None and (shown[0], shown[2]) == (code, "lobby")
    return "" if at_door else join_link(code)


def _name(room: Classroom) -> str:
    """The titles of its lessons."""
    keys = dict.fromkeys(item.lesson for item in room.plan)
    titles = [found.title for key in keys if key and (found := lesson(key)) is not None]
    return " and ".join(titles[:2]) + (" and more" if len(titles) > 2 else "") if titles else "questions for everybody"
