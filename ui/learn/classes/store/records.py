"""Rows of the tables of classes, read and written within a transaction of the store."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from ui.learn.classes.store.answers import ClassError, Classroom, NoClassError, Phase, Pulse
from ui.learn.classes.store.limits import Limit
from ui.learn.classes.store.plan import MAX_ITEMS, Item, plan_from_json, plan_to_json

__all__ = ["allowed", "count", "enter", "found", "no_class", "pins_json", "plan_json", "read", "see", "take"]

_PINS_CHARACTERS, _PLAN_CHARACTERS = 20_000, 200_000


def found(sql: sqlite3.Connection, code: str) -> tuple[Any, ...]:
    """The row of a class.

    Raises:
        NoClassError: there is none.
    """
    row: tuple[Any, ...] | None = sql.execute(
        "SELECT code, plan, position, phase, revealed, pace, pins, version, activity, ends, teacher FROM class "
        "WHERE code = ?", (code,),
    ).fetchone()  # fmt: skip
    if row is None:
        raise no_class(code)
    return row


def no_class(code: str) -> NoClassError:
    """The error of a code that no class has."""
    return NoClassError(f"No class has the code {code}: look at its letters again, or ask who leads the class.")


def read(row: tuple[Any, ...], now: float) -> Classroom:
    """The class that a row of `found` holds."""
    code, plan, position, phase, revealed, pace, pins, version, activity, ends, _ = row
    pulse = Pulse(version, activity, now < ends)
    return Classroom(code, plan_from_json(plan), position, phase, revealed, pace, json.loads(pins), pulse, ends)


def plan_json(plan: Sequence[Item]) -> str:
    """A plan as it is kept.

    Raises:
        ClassError: it has no step, or too many.
    """
    if not 1 <= len(plan) <= MAX_ITEMS:
        raise ClassError(f"A class must have 1 to {MAX_ITEMS} steps: choose a lesson, or ask a question of your own.")
    written = plan_to_json(plan)
    if len(written) > _PLAN_CHARACTERS:
        raise ClassError("The questions of this class are too long together: leave some out.")
    return written


def pins_json(pins: Mapping[str, str]) -> str:
    """Pinned settings as they are kept.

    Raises:
        ClassError: they are too long.
    """
    written = json.dumps(dict(pins), ensure_ascii=False)
    if len(written) > _PINS_CHARACTERS:
        raise ClassError("The pinned settings are too long for a class: pin fewer.")
    return written


def count(sql: sqlite3.Connection, code: str) -> None:
    """Let those who follow the class know that somebody joined or guessed."""
    sql.execute("UPDATE class SET activity = activity + 1 WHERE code = ?", (code,))


def enter(sql: sqlite3.Connection, room: Classroom, position: int, phase: Phase) -> None:
    """Let the class be at a position and phase; an answer that is shown stays known as shown."""
    revealed = max(room.revealed, position) if phase == "reveal" else room.revealed
    sql.execute(
        "UPDATE class SET position = ?, phase = ?, revealed = ?, version = version + 1 WHERE code = ?",
        (position, phase, revealed, room.code),
    )


def see(sql: sqlite3.Connection, code: str, student: bytes, now: float) -> bool:
    """Note that a student is there; False where no such student has joined."""
    asked = "UPDATE student SET seen = ? WHERE class = ? AND student = ?"
    return sql.execute(asked, (now, code, student)).rowcount == 1


def _left(sql: sqlite3.Connection, what: str, limit: Limit, now: float) -> float | None:
    level, at = sql.execute("SELECT level, at FROM allowance WHERE what = ?", (what,)).fetchone() or (limit.most, now)
    return limit.left(level, now - at)


def allowed(sql: sqlite3.Connection, what: str, limit: Limit, now: float) -> bool:
    """Whether this may be done once more; it is not counted."""
    return _left(sql, what, limit, now) is not None


def take(sql: sqlite3.Connection, what: str, limit: Limit, now: float) -> bool:
    """Whether this may be done once more; if so, it is counted."""
    left = _left(sql, what, limit, now)
    if left is None:
        return False
    sql.execute("INSERT OR REPLACE INTO allowance VALUES (?, ?, ?)", (what, left, now))
    return True
