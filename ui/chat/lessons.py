"""Conversations to start a lesson from. They take the place of the conversation for a while, and it comes back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

import lmloupe as lm
from ui.base.loaders import tokenizer
from ui.chat.injected import injected_messages
from ui.chat.templates.choice import FAMILIES
from ui.state import store as state
from ui.state.settings import SETTINGS
from ui.state.settings.defaults import DEFAULT_MESSAGES

if TYPE_CHECKING:
    from ui.bar.bar import Bar

__all__ = [
    "LESSONS",
    "Lesson",
    "choose_lesson",
    "follow_family",
    "lesson_words",
    "take_back",
    "take_lesson",
]

WEATHER_TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city now.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "description": "Name of the city"}},
            "required": ["city"],
        },
    },
}
_BOX, _INJECTED = "lesson_choice", "lesson_injected"


@dataclass(frozen=True, slots=True)
class Lesson:
    """A conversation, its tools as JSON, and what it shows. ``key`` is the name in a link."""

    key: str
    name: str
    shows: str
    messages: tuple[dict[str, Any], ...]
    tools: str = ""


LESSONS = (
    Lesson(
        "question",
        "One question",
        "A single user turn: see which families add a system turn of their own.",
        ({"role": "user", "content": "What is the capital of France?"},),
    ),
    Lesson("turns", "Several turns", "Who speaks when: question, answer, question.", DEFAULT_MESSAGES),
    Lesson(
        "system",
        "System prompt",
        "Where each family puts the system text, with white space at both ends.",
        (
            {"role": "system", "content": "  You are a gardener. Answer in one sentence.  "},
            {"role": "user", "content": "How much water does a coconut palm need?"},
            {"role": "assistant", "content": "A young palm likes a good soak every few days."},
        ),
    ),
    Lesson(
        "tools",
        "Tools",
        "A definition, a call, its result and an answer; not every family writes them.",
        (
            {"role": "user", "content": "What is the weather in Suva?"},
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "get_weather", "arguments": {"city": "Suva"}},
                    }
                ],
            },
            {"role": "tool", "content": "27 degrees, light rain", "tool_call_id": "call_1", "name": "get_weather"},
            {"role": "assistant", "content": "It is 27 degrees in Suva, with light rain."},
        ),
        json.dumps([WEATHER_TOOL], indent=2),
    ),
    Lesson(
        "injected",
        "Injected turn",
        "The user's message spells the family's own turn markers, and the model sees a real turn.",
        (),
    ),
)
_BY_NAME = {lesson.name: lesson for lesson in LESSONS}


def choose_lesson(bar: Bar, tok: lm.Tokenizer | None = None) -> None:
    """Draw the choice of a lesson in the bar, and the way back to the conversation that was there before.

    Args:
        bar: the page's.
        tok: whose turn markers an injected turn is written with.
    """
    now = next((lesson.name for lesson in LESSONS if lesson.key == state.get("lesson")), None)
    if st.session_state.get(_BOX) != now:
        st.session_state[_BOX] = now
    with bar.picks:
        st.selectbox(
            "Lesson",
            [*_BY_NAME],
            index=None if now is None else [*_BY_NAME].index(now),
            key=_BOX,
            placeholder="Lessons",
            label_visibility="collapsed",
            width=140,
            on_change=_chosen,
            args=(tok,),
            help="A conversation that shows one thing. Yours is kept and comes back.",
        )
        if now is not None:
            st.button(
                "Back to yours",
                help="The conversation that was here before.",
                icon=":material/undo:",
                key="lesson_back",
                on_click=take_back,
                width="content",
            )


def lesson_words() -> str:
    """What the lesson shows that is on the screen; empty without one."""
    return next((lesson.shows for lesson in LESSONS if lesson.key == state.get("lesson")), "")


def follow_family(tok: lm.Tokenizer) -> None:
    """Write the injected turn anew where another family is chosen; one that a person has changed stays as it is."""
    if state.get("lesson") != "injected" or state.get("messages") != st.session_state.get(_INJECTED):
        return
    if (messages := injected_messages(tok)) != st.session_state[_INJECTED]:
        st.session_state[_INJECTED] = messages
        state.put("messages", messages)


def take_back() -> None:
    """Bring back the conversation that a lesson took the place of."""
    if state.get("lesson"):
        state.put("messages", state.get("own_messages"))
        state.put("tools", state.get("own_tools"))
        for name in ("own_messages", "own_tools"):
            state.put(name, SETTINGS[name].default)
        state.put("lesson", "")


def _chosen(tok: lm.Tokenizer | None) -> None:
    name = st.session_state[_BOX]
    if name is None:
        take_back()
    else:
        take_lesson(_BY_NAME[name], tok)


def take_lesson(lesson: Lesson, tok: lm.Tokenizer | None) -> None:
    """Put a lesson in the place of the conversation, which is kept; ``tok`` as in `choose_lesson`."""
    if not state.get("lesson"):
        state.put("own_messages", state.get("messages"))
        state.put("own_tools", state.get("tools"))
    messages = list(lesson.messages)
    if lesson.key == "injected":
        messages = injected_messages(tok or tokenizer(FAMILIES[0]))
        st.session_state[_INJECTED] = messages
    state.put("lesson", lesson.key)
    state.put("messages", messages)
    state.put("tools", lesson.tools)
