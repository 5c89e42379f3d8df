"""What only the teacher of a class does: start it, move it, change it, end it, take its guesses home."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ui.learn.classes.store import records
from ui.learn.classes.store.answers import ClassError, Classroom, GuessRow, Pace, Phase, Started
from ui.learn.classes.store.codes import digest, matches, new_code, new_secret
from ui.learn.classes.store.common import Common
from ui.learn.classes.store.limits import MAX_RUNNING, STARTS
from ui.learn.classes.store.moves import after, before
from ui.learn.classes.store.plan import Item

__all__ = ["MAX_HOURS", "Teachers"]

MAX_HOURS = 24


class Teachers(Common):
    """The store as a teacher has it. Whatever changes a class takes the secret of who started it."""

    def start(
        self,
        plan: Sequence[Item],
        *,
        hours: float = 4.0,
        pace: Pace = "together",
        pins: Mapping[str, str] | None = None,
    ) -> Started:
        """Start a class.

        Args:
            plan: its steps.
            hours: when it ends by itself.
            pace: whether all go through the steps together, or each at their own pace.
            pins: settings that all pages have in it, as the parameters of a link.

        Raises:
            ClassError: too many classes are running or were started of late, or the plan is empty or too large.
        """
        if not 0 < hours <= MAX_HOURS:
            raise ClassError(f"A class must last at most {MAX_HOURS} hours.")
        written, pinned, started = (
            records.plan_json(plan),
            records.pins_json(pins or {}),
            Started(new_code(), new_secret()),
        )
        self._sweep()
        with self._database.changes() as sql:
            now = self._clock()
            (running,) = sql.execute("SELECT count(*) FROM class WHERE ends > ?", (now,)).fetchone()
            if running >= MAX_RUNNING or not records.take(sql, "starts", STARTS, self._clock()):
                raise ClassError("Too many classes were started on this server: end one, or wait a minute.")
            while sql.execute("SELECT 1 FROM class WHERE code = ?", (started.code,)).fetchone():
                started = replace(started, code=new_code())
            sql.execute(
                "INSERT INTO class VALUES (?, ?, ?, ?, ?, -1, 'lobby', -1, 1, 0, ?, ?)",
                (started.code, digest(started.secret), written, pinned, pace, now, now + hours * 3600),
            )
        return started

    def leads(self, code: str, secret: str) -> bool:
        """Whether this is the secret of who leads the class; takes as long where it is not."""
        with self._database.reads() as sql:
            row = sql.execute("SELECT teacher FROM class WHERE code = ?", (code,)).fetchone()
        return matches(secret, None if row is None else row[0])

    def move(self, code: str, secret: str, by: int, seen: tuple[int, Phase]) -> None:
        """Go on (1): from the question to its answer, from there to the next step; or back (-1).

        Args:
            code: of the class.
            secret: of who leads it.
            by: 1 or -1.
            seen: position and phase that were on the screen; where the class has moved meanwhile, nothing happens.

        Raises:
            ClassError: the secret is wrong, or the class has ended.
        """
        with self._database.changes() as sql:
            room = self._led(sql, code, secret)
            if seen == (room.position, room.phase):
                position, phase = after(room) if by > 0 else before(room)
                records.enter(sql, room, position, phase)

    def set_open(self, code: str, secret: str, is_open: bool) -> None:
        """Close the question for guesses, or open it again; one whose answer was shown stays closed."""
        with self._database.changes() as sql:
            room = self._led(sql, code, secret)
            if room.phase == ("closed" if is_open else "open") and room.position > room.revealed:
                records.enter(sql, room, room.position, "open" if is_open else "closed")

    def change(
        self, code: str, secret: str, *, pace: Pace | None = None, pins: Mapping[str, str] | None = None
    ) -> None:
        """Change the pace or the pinned settings of a running class."""
        with self._database.changes() as sql:
            room = self._led(sql, code, secret)
            sql.execute(
                "UPDATE class SET pace = ?, pins = ?, version = version + 1 WHERE code = ?",
                (pace or room.pace, records.pins_json(room.pins if pins is None else pins), code),
            )

    def insert(self, code: str, secret: str, item: Item) -> None:
        """Ask something else now: a step of its own, which the class goes to; what comes after it moves on by one.

        It comes after all steps whose answer was shown, so that it is open for guesses.
        """
        with self._database.changes() as sql:
            room = self._led(sql, code, secret)
            at = min(max(room.position, room.revealed) + 1, len(room.plan))
            written = records.plan_json([*room.plan[:at], item, *room.plan[at:]])
            # In two steps, so that no two rows have the same key in between.
            sql.execute("UPDATE guess SET position = -2 - position WHERE class = ? AND position >= ?", (code, at))
            sql.execute("UPDATE guess SET position = -1 - position WHERE class = ? AND position < -1", (code,))
            sql.execute("UPDATE class SET plan = ? WHERE code = ?", (written, code))
            records.enter(sql, room, at, "open" if item.asks else "reveal")

    def end(self, code: str, secret: str) -> None:
        """End the class now; it can be exported for a week."""
        with self._database.changes() as sql:
            self._led(sql, code, secret)
            sql.execute("UPDATE class SET ends = ?, version = version + 1 WHERE code = ?", (self._clock(), code))

    def rows(self, code: str, secret: str) -> list[GuessRow]:
        """All guesses, by step and student; of a class that has ended too.

        Raises:
            ClassError: the secret is wrong.
        """
        with self._database.reads() as sql:
            self._led(sql, code, secret, ended=True)
            found = sql.execute(
                "SELECT position, number, guess, at FROM guess JOIN student USING (class, student) WHERE class = ? "
                "ORDER BY position, number", (code,),
            ).fetchall()  # fmt: skip
        return [GuessRow(*row) for row in found]

    def _led(self, sql: sqlite3.Connection, code: str, secret: str, *, ended: bool = False) -> Classroom:
        row = records.found(sql, code)
        if not matches(secret, row[-1]):
            raise ClassError("Only who started the class can do this.")
        return records.read(row, self._clock()) if ended else self._running(sql, code)
