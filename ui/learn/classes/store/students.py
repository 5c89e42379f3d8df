"""What a student does in a class: join, guess, be there."""

from __future__ import annotations

from ui.learn.classes.store import records
from ui.learn.classes.store.answers import ClassError
from ui.learn.classes.store.codes import digest
from ui.learn.classes.store.common import Common
from ui.learn.classes.store.limits import GUESSES_OF_CLASS, GUESSES_OF_STUDENT, JOINS_OF_CLASS, MAX_STUDENTS

__all__ = ["MAX_GUESS", "Students"]

MAX_GUESS = 200


class Students(Common):
    """The store as a student has it."""

    def join(self, code: str, student: str) -> int:
        """Join, or come back.

        Args:
            code: of the class.
            student: the secret that tells this student from the others.

        Returns:
            The student's number, from 1; the same as before for who comes back.

        Raises:
            ClassError: the class has ended or is full, or too many join at this moment.
        """
        with self._database.changes() as sql:
            self._running(sql, code)
            who = digest(student)
            known = sql.execute("SELECT number FROM student WHERE class = ? AND student = ?", (code, who)).fetchone()
            if known is not None:
                records.see(sql, code, who, self._clock())
                return int(known[0])
            (joined,) = sql.execute("SELECT count(*) FROM student WHERE class = ?", (code,)).fetchone()
            if joined >= MAX_STUDENTS:
                raise ClassError(f"The class is full: {MAX_STUDENTS:,} have joined.")
            if not records.take(sql, f"joins {code}", JOINS_OF_CLASS, self._clock()):
                raise ClassError("Too many join at this moment: wait a few seconds, then press Join again.")
            sql.execute("INSERT INTO student VALUES (?, ?, ?, ?)", (code, who, joined + 1, self._clock()))
            records.count(sql, code)
            return int(joined) + 1

    def is_student(self, code: str, student: str) -> bool:
        """Whether this student has joined; it counts as being there."""
        who = digest(student)
        with self._database.changes() as sql:
            return records.see(sql, code, who, self._clock())

    def guess(self, code: str, student: str, position: int, guess: str) -> None:
        """Answer a step. Together, a guess can be changed until the step is closed; at one's own pace the first stays.

        An empty guess is one: a word that is cut nowhere.

        Raises:
            ClassError: the step is not open or has no question, the guess is too long, who guesses has
                not joined, or guesses too often.
        """
        text = " ".join("".join(one if one.isprintable() else " " for one in guess[: 4 * MAX_GUESS]).split())
        if len(text) > MAX_GUESS or len(guess) > 4 * MAX_GUESS:
            raise ClassError(f"A guess must have at most {MAX_GUESS} characters.")
        with self._database.changes() as sql:
            room, who = self._running(sql, code), digest(student)
            if not 0 <= position < len(room.plan) or not room.plan[position].asks:
                raise ClassError("The class has no such question.")
            if not records.see(sql, code, who, self._clock()):
                raise ClassError("Join the class first.")
            if room.pace == "together" and (position, "open") != (room.position, room.phase):
                raise ClassError("This question is closed: your guess came too late.")
            key = (code, position, who)
            before = sql.execute("SELECT guess FROM guess WHERE class = ? AND position = ? AND student = ?", key)
            known = before.fetchone()
            if known == (text,):
                return
            if known is not None and room.pace == "own":
                raise ClassError("Your guess for this question stays as it is: you have seen the answer.")
            if not records.take(sql, f"guesses {code} {who.hex()}", GUESSES_OF_STUDENT, self._clock()):
                raise ClassError("You guess faster than anybody can think: wait a few seconds.")
            if not records.take(sql, f"guesses {code}", GUESSES_OF_CLASS, self._clock()):
                raise ClassError("Too many guesses come in at this moment: wait a few seconds, then send it again.")
            sql.execute("INSERT OR REPLACE INTO guess VALUES (?, ?, ?, ?, ?)", (*key, text, self._clock()))
            records.count(sql, code)

    def guesses_of(self, code: str, student: str) -> dict[int, str]:
        """What a student has guessed, by step."""
        with self._database.reads() as sql:
            asked = "SELECT position, guess FROM guess WHERE class = ? AND student = ?"
            return dict(sql.execute(asked, (code, digest(student))).fetchall())
