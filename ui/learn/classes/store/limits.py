"""How often something may be done: a bucket that fills at a steady rate (a token bucket), and the rates of a class."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "GUESSES_OF_CLASS",
    "GUESSES_OF_STUDENT",
    "JOINS_OF_CLASS",
    "MAX_RUNNING",
    "MAX_STUDENTS",
    "STARTS",
    "WRONG_OF_SERVER",
    "WRONG_OF_SESSION",
    "Limit",
]


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``most`` at once, and ``per_second`` in the long run."""

    most: float
    per_second: float

    def left(self, level: float, seconds: float) -> float | None:
        """What is left of ``level`` when one more is taken ``seconds`` after the last one; None where none is left.

        >>> Limit(2, 0.5).left(1, 0), Limit(2, 0.5).left(0, 1), Limit(2, 0.5).left(0, 100)
        (0.0, None, 1.0)
        """
        filled = min(self.most, level + max(0.0, seconds) * self.per_second)
        return filled - 1.0 if filled >= 1.0 else None


MAX_RUNNING, MAX_STUDENTS = 200, 1000
"""Classes of one server, and students of one class."""
GUESSES_OF_STUDENT = Limit(12, 0.5)
GUESSES_OF_CLASS = Limit(2 * MAX_STUDENTS, 250)
JOINS_OF_CLASS = Limit(400, 10)
STARTS = Limit(40, 1 / 30)
WRONG_OF_SESSION = Limit(6, 1 / 20)
# Of 47 million codes, one a second finds one of ten classes after a month of guessing; a class lasts some hours.
WRONG_OF_SERVER = Limit(60, 1)
