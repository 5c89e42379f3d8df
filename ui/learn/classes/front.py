"""Before a class: the box for its code, and what starts a new one."""

from __future__ import annotations

import streamlit as st

from ui.base.errors import escape_markdown, show_errors
from ui.base.loaders import display_name
from ui.base.words import counted
from ui.components.class_door import code_box, typed_code
from ui.learn.classes.asking import own_question, question_form
from ui.learn.classes.said import attempt
from ui.learn.classes.shared import begin, enter_code
from ui.learn.classes.steps import ask_of, plan_of
from ui.learn.classes.store.answers import ClassError
from ui.learn.classes.store.codes import CODE_LENGTH
from ui.learn.lessons.lesson import Lesson
from ui.learn.lessons.shelf import shelf
from ui.page import finding
from ui.state import store as state
from ui.state.link import encode
from ui.state.session import session
from ui.state.settings import SETTINGS

__all__ = ["draw_front", "draw_pins", "pinned_params"]

_BOX = "class_code_box"
_PACES = {"together": "All together", "own": "Each at their own pace"}
_ALWAYS = ("model", "quantization")


def draw_front(typed: str) -> None:
    """Draw both.

    Args:
        typed: what stands in the box.
    """
    left, right = st.columns([5, 7], gap="large")
    with left:
        finding("Join a class")
        code_box(_BOX, typed, CODE_LENGTH, lambda: enter_code(typed_code(_BOX)))
        st.caption("The teacher has the code. You need no account and no name; the class sees you as a number.")
    with right, show_errors():
        finding("Start a class")
        _draw_start()


def _draw_start() -> None:
    by_key = {one.key: one for one in shelf().lessons}
    chosen = state.multiselect(
        "class_lessons", "Lessons", list(by_key), format_func=lambda key: by_key[key].title,
        placeholder="One or several, in this order",
    )  # fmt: skip
    with st.expander("Ask a question of your own", expanded=bool(state.get("class_question").get("ask"))):
        question_form("new")
    with st.popover("Pace, time and settings", icon=":material/tune:"):
        state.segmented("class_pace", "Pace", format_func=_PACES.__getitem__)
        state.slider("class_hours", "The class ends by itself after", step=0.5, format="%.1f hours")
        draw_pins()
    lessons = [by_key[key] for key in chosen]
    try:
        own = own_question()
    except ClassError as error:
        st.caption(escape_markdown(str(error)))
        own, lessons = None, []
    else:
        if not lessons and own is None and by_key:
            lessons = [next(iter(by_key.values()))]
    plan = plan_of(lessons, own)
    names = [f"“{one.title}”" for one in lessons] + (["your question"] if own else [])
    label = f"Start with {' and '.join(names)}" if names else "Start"
    st.button(
        escape_markdown(label), type="primary", icon=":material/groups:", key="start_class", disabled=not plan,
        on_click=attempt, args=(lambda: begin(plan, pinned_params()),),
    )  # fmt: skip
    if plan:
        st.caption(_about(lessons, sum(item.asks for item in plan)))
        with st.container(key="class_preview"):
            st.markdown("\n".join(f"{i}. {escape_markdown(ask_of(item))}" for i, item in enumerate(plan, 1)))


def _about(lessons: list[Lesson], questions: int) -> str:
    minutes = f", about {sum(one.minutes for one in lessons)} minutes" if lessons else ""
    return f"{counted(questions, 'question')}{minutes}. You get a code, a link and a QR code for everybody."


def draw_pins() -> None:
    """Draw which of the settings of this session all pages of the class have."""
    values = session("class_pins").values
    state.multiselect(
        "class_pins", "Pinned for everybody, as you have it now", _pinnable(),
        format_func=lambda name: f"{name.replace('_', ' ')}: {_short(name, values[name])}",
        help="The pages that students see begin with these settings. Change them on the other pages, then come back.",
    )  # fmt: skip


def pinned_params() -> dict[str, str]:
    """The pinned settings as the parameters of a link."""
    values = session("class_pins").values
    offered = _pinnable()  # a link may name others, which nobody has seen here
    return encode({name: values[name] for name in values["class_pins"] if name in offered}).params


def _pinnable() -> list[str]:
    """The settings that can be pinned: model and quantization, and what this session has changed."""
    values = session("class_pins").values
    changed = [
        name for name, setting in SETTINGS.items()
        if name not in _ALWAYS and not setting.of_frame and not setting.packed and values[name] != setting.default
    ]  # fmt: skip
    return [*_ALWAYS, *changed]


def _short(name: str, value: object) -> str:
    text = display_name(str(value)) if name == "model" else SETTINGS[name].format(value)
    return text if len(text) <= 30 else f"{text[:29]}…"
