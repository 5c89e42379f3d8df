"""Classes: who has joined, where they are, what was guessed. Knows no Streamlit; all is in one SQLite file."""

from __future__ import annotations

from ui.learn.classes.store import records
from ui.learn.classes.store.answers import ClassError, Classroom, Counts, NoClassError, Pulse
from ui.learn.classes.store.limits import WRONG_OF_SERVER
from ui.learn.classes.store.students import Students
from ui.learn.classes.store.teachers import Teachers

__all__ = ["HERE_S", "Store"]

HERE_S = 45.0
"""Somebody whose page has been silent for longer is not there."""


class Store(Students, Teachers):
    """The classes of one SQLite file, which several processes may share."""

    def find(self, code: str) -> Classroom:
        """The class with this code; for who has just typed it or come by a link. Wrong codes are counted.

        Raises:
            NoClassError: there is none.
            ClassError: so many wrong codes were tried of late that none is looked up now.
        """
        now = self._clock()
        try:
            with self._database.reads() as sql:
                if not records.allowed(sql, "wrong codes", WRONG_OF_SERVER, now):
                    raise ClassError("Too many wrong codes were tried on this server: wait a minute, then try again.")
                return records.read(records.found(sql, code), now)
        except NoClassError:
            with self._database.changes() as sql:
                records.take(sql, "wrong codes", WRONG_OF_SERVER, now)
            raise

    def look(self, code: str) -> Classroom:
        """The class with this code, for who was in it before.

        Raises:
            NoClassError: it is swept.
        """
        with self._database.reads() as sql:
            return records.read(records.found(sql, code), self._clock())

    def pulse(self, code: str) -> Pulse | None:
        """Whether anything has changed: one look at one row by its key. None where the class is swept."""
        with self._database.reads() as sql:
            row = sql.execute("SELECT version, activity, ends FROM class WHERE code = ?", (code,)).fetchone()
        return None if row is None else Pulse(row[0], row[1], self._clock() < row[2])

    def counts(self, code: str, position: int) -> Counts:
        """How many are there, and how many of them have answered a step."""
        with self._database.reads() as sql:
            joined, here, thinking = sql.execute(
                "SELECT count(*), total(seen >= :then), total(seen >= :then AND NOT EXISTS (SELECT 1 FROM guess WHERE "
                "class = :code AND position = :at AND student = student.student)) FROM student WHERE class = :code",
                {"then": self._clock() - HERE_S, "code": code, "at": position},
            ).fetchone()
            (guessed,) = sql.execute(
                "SELECT count(*) FROM guess WHERE class = ? AND position = ?", (code, position)
            ).fetchone()
        return Counts(joined, int(here), guessed, int(thinking))

    def answered(self, code: str) -> dict[int, int]:
        """How many have answered each step; steps that nobody has answered are missing."""
        with self._database.reads() as sql:
            found = sql.execute("SELECT position, count(*) FROM guess WHERE class = ? GROUP BY position", (code,))
            return dict(found.fetchall())

    def guesses(self, code: str, position: int) -> list[str]:
        """What was guessed at a step, in the order of who joined first."""
        with self._database.reads() as sql:
            found = sql.execute(
                "SELECT guess FROM guess JOIN student USING (class, student) WHERE class = ? AND position = ? "
                "ORDER BY number", (code, position),
            ).fetchall()  # fmt: skip
        return [guess for (guess,) in found]
