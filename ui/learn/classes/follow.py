"""What a class asks the server for every second: one row, and the page runs again only where the class has moved."""

from __future__ import annotations

import time

import streamlit as st

from ui.base.errors import show_errors
from ui.base.words import counted
from ui.learn.classes.shared import Keys, store
from ui.learn.classes.store.answers import Classroom, Counts
from ui.learn.classes.store.store import HERE_S

__all__ = ["count_words", "draw_live_count", "follow"]

_EVERY_S, _MOST_S, _PER_S = 1.0, 5.0, 150
_SEEN = "class_seen_at"


def follow(room: Classroom, joined: int, keys: Keys | None = None) -> None:
    """Let the page run again when the class moves, ends or is changed; draws nothing.

    Args:
        room: the class as the page shows it.
        joined: how many have joined: the more, the less often each asks.
        keys: of a student, who is counted as being there.
    """
    st.fragment(_follow, run_every=_pause(joined))(room.code, room.pulse.version, room.pulse.running, keys)


def _pause(joined: int) -> float:
    return min(_MOST_S, _EVERY_S + joined // _PER_S)


def _follow(code: str, version: int, running: bool, keys: Keys | None) -> None:
    with show_errors():
        pulse = store().pulse(code)
        if pulse is None or (pulse.version, pulse.running) != (version, running):
            st.rerun()
        if keys is not None and keys.joined and keys.student is not None and pulse.running:
            last = st.session_state.get(_SEEN, 0.0)
            if time.monotonic() - last > HERE_S / 3:
                st.session_state[_SEEN] = time.monotonic()
                store().is_student(code, keys.student)


def draw_live_count(room: Classroom, joined: int, key: str) -> None:
    """Draw how many have guessed and how many still think, or in the lobby how many have joined: live, no names."""
    with st.container(key=key):
        st.fragment(_count, run_every=_pause(joined))(room.code, room.position, room.phase == "lobby")


def _count(code: str, position: int, lobby: bool) -> None:
    with show_errors():
        counts = store().counts(code, position)
        st.markdown(counted(counts.joined, "student has joined", "students have joined") if lobby else _live(counts))


def _live(counts: Counts) -> str:
    return f"**{counts.guessed:,} guessed** · {counts.thinking:,} still thinking"


def count_words(counts: Counts) -> str:
    """The same in a sentence.

    >>> count_words(Counts(30, 28, 20, 8)), count_words(Counts(1, 1, 1, 0))
    ('20 of 30 students have guessed; 8 are still thinking', '1 of 1 student has guessed; nobody is still thinking')
    """
    who = "nobody is" if not counts.thinking else f"{counts.thinking:,} {'is' if counts.thinking == 1 else 'are'}"
    have = "has" if counts.guessed == 1 else "have"
    return f"{counts.guessed:,} of {counted(counts.joined, 'student')} {have} guessed; {who} still thinking"
