"""The one store of this process, and who a session is in a class: a student, its teacher, or nobody yet."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

import lmloupe as lm
from ui.components.class_keeper import kept
from ui.learn.classes.store.answers import ClassError, Classroom, NoClassError
from ui.learn.classes.store.codes import is_secret, new_secret, read_code
from ui.learn.classes.store.limits import WRONG_OF_SESSION
from ui.learn.classes.store.plan import Item
from ui.learn.classes.store.store import Store
from ui.state import store as state

__all__ = ["Keys", "begin", "enter_code", "keys_of", "leave", "led", "remembered", "room_of", "store", "student_id"]

_KEYS, _TRIED, _KNOWN = "class_keys", "class_codes_tried", "class_codes_known"


@st.cache_resource(show_spinner=False)
def _store(path: str) -> Store:
    return Store(Path(path))


def store() -> Store:
    """The classes of this machine, in LM Loupe's cache folder.

    Raises:
        ClassError: the file cannot be read or written.
    """
    return _store(str(lm.cache_folder() / "classes.sqlite3"))


@dataclass(slots=True)
class Keys:
    """What a session has of a class: the id of its student, the secret of its teacher. No link, log or file has them.

    Attributes:
        student: a random id that this browser has been given, whether it has joined or not.
        teacher: the secret.
        joined: whether the student has joined, as this session knows.
        wrong: whether a link or this browser has a secret that is not this class's.
    """

    student: str | None = None
    teacher: str | None = None
    joined: bool = False
    wrong: bool = False


def keys_of(code: str) -> Keys:
    """What this session has of the class."""
    held: dict[str, Keys] = st.session_state.setdefault(_KEYS, {})
    return held.setdefault(code, Keys())


def remembered(code: str) -> Keys:
    """The same with what the browser remembers; draws the component that knows, once in a run.

    Raises:
        ClassError: the classes cannot be read.
    """
    keys = keys_of(code)
    student, *secrets = kept(code, student=keys.student if keys.joined else None, teacher=keys.teacher)
    if isinstance(student, str) and is_secret(student) and not keys.joined:
        keys.student = student
    offered = [secret for secret in secrets if isinstance(secret, str) and is_secret(secret)]
    if keys.teacher is None and offered:
        keys.teacher = next((secret for secret in offered if store().leads(code, secret)), None)
        keys.wrong = keys.teacher is None
        if keys.teacher not in (None, secrets[0]):
            st.rerun()  # the browser keeps a secret once the server has found it right, which the next run tells it
    return keys


def student_id(keys: Keys) -> str:
    """The id that somebody joins with: the one that this browser has, so that it counts once."""
    keys.student = keys.student or new_secret()
    return keys.student


def led() -> tuple[str, str] | None:
    """Code and secret of the class that this session has open and leads; None where it leads none."""
    code = read_code(state.get("class_code"))
    if code is None or code not in st.session_state.get(_KNOWN, ()):
        return None
    secret = keys_of(code).teacher
    return (code, secret) if secret is not None and store().leads(code, secret) else None


def begin(plan: Sequence[Item], pins: Mapping[str, str]) -> None:
    """Start a class, in a callback; this session leads it.

    Raises:
        ClassError: there are too many, or it has no step.
    """
    started = store().start(plan, hours=state.get("class_hours"), pace=state.get("class_pace"), pins=pins)
    keys_of(started.code).teacher = started.secret
    st.session_state.setdefault(_KNOWN, set()).add(started.code)
    state.put("class_question", {})
    state.put("class_code", started.code)


def enter_code(typed: str) -> None:
    """Open the class with this code, in a callback."""
    code = read_code(typed)
    state.put("class_code", code or typed.strip()[:20])
    state.put("class_step", 0)


def leave() -> None:
    """Go back to the door, in a callback; who comes again by the code is the same student or teacher as before."""
    state.put("class_code", "")


def room_of(code: str) -> Classroom:
    """The class with this code. A session may try a few wrong codes, then it has to wait.

    Who can show to be in the class looks up no code: others who guess codes keep nobody out who comes back.

    Raises:
        NoClassError: there is none.
        ClassError: too many wrong codes were tried.
    """
    known: set[str] = st.session_state.setdefault(_KNOWN, set())
    if code in known or _is_in(code):
        known.add(code)
        return store().look(code)
    level, at, last = st.session_state.get(_TRIED, (WRONG_OF_SESSION.most, time.time(), None))
    if last == code:  # a run of the page for another reason is no other try
        raise NoClassError(f"No class has the code {code}: look at its letters again, or ask who leads the class.")
    now = time.time()
    left = WRONG_OF_SESSION.left(level, now - at)
    if left is None:
        raise ClassError("Too many wrong codes: wait half a minute, then try again.")
    try:
        room = store().find(code)
    except NoClassError:
        st.session_state[_TRIED] = left, now, code
        raise
    known.add(code)
    return room


def _is_in(code: str) -> bool:
    keys = keys_of(code)
    if keys.teacher is not None and store().leads(code, keys.teacher):
        return True
    return keys.student is not None and store().is_student(code, keys.student)
