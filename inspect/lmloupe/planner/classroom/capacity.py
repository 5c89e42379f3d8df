"""How many people one model serves: a class that thinks, asks, waits for its answer and thinks again.

A closed queue: each of ``students`` thinks for a while, then has the model answer. Those who wait at the same time are
written to together, which costs a pass a little more for each. The mean numbers follow exactly from the chances of
"n are being answered now", a birth-death chain (the machine repairman's, Palm 1947, with a rate for each n). They hold
whatever the times are distributed like, as long as all who are answered share the model evenly (processor sharing:
Baskett, Chandy, Muntz, Palacios 1975), which the scheduler of `lmloupe.model.generation.serving` comes near to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmloupe.errors import InvalidSettingError

__all__ = ["ClassCapacity", "class_capacity"]

MOST_STUDENTS = 10_000


@dataclass(frozen=True, slots=True)
class ClassCapacity:
    """What a class meets on average, once it has settled.

    Attributes:
        students: how many, as asked for.
        alone_s: seconds from a question to the end of its answer where nobody else asks.
        answer_s: the same in this class.
        at_once_s: seconds until the last of this class has its answer where all ask in the same second.
        asking: how many wait for their answer at a moment.
        busy: share of the time in which somebody does, 0 to 1.
        questions_per_minute: answered, of all together.
        tokens_per_s: written, for all together.
        most_students: the largest class whose ``answer_s`` is at most ``patience_s``; 0 where one alone waits longer,
            and 10,000 where that many could be.
    """

    students: int
    alone_s: float
    answer_s: float
    at_once_s: float
    asking: float
    busy: float
    questions_per_minute: float
    tokens_per_s: float
    most_students: int


def class_capacity(
    students: int,
    tokens_per_s: float,
    *,
    think_s: float = 45.0,
    tokens_per_question: float = 60.0,
    prompt_tokens: float = 100.0,
    prompt_tokens_per_s: float | None = None,
    pass_of_32: float = 3.0,
    most_together: int = 32,
    replicas: int = 1,
    patience_s: float = 20.0,
) -> ClassCapacity:
    """What a class of so many meets with a model of this speed; see this module for the method.

    The means are of people who ask each in their own time; ``at_once_s`` is for those who press at a teacher's word.

    Args:
        students: 1 to 10,000.
        tokens_per_s: that the model writes for one person alone, as measured.
        think_s: between an answer and the next question of the same person, on average. A guess, of lessons with one
            question a minute.
        tokens_per_question: written for each question; 1 for a page that asks for the next token alone.
        prompt_tokens: read for each question. What is kept of an earlier turn is not read again, so this is less than
            the whole conversation.
        prompt_tokens_per_s: how fast prompts are read, one after another; None for eight times ``tokens_per_s``,
            an assumption: a pass over many tokens of one text costs less than so many passes.
        pass_of_32: how much longer a pass over 32 texts takes than one over one text; 1 where it is as fast (a GPU
            with room), 32 where they take turns. The embedded model on one core: 3. In between it grows evenly.
        most_together: how many are served at once; others wait for their turn.
        replicas: copies of the model, among which those who ask are spread evenly.
        patience_s: how long an answer may take, for ``most_students``.

    Raises:
        InvalidSettingError: a number that is out of its range.

    >>> thirty = class_capacity(30, tokens_per_s=20)
    >>> round(thirty.alone_s, 1), round(thirty.answer_s, 1), thirty.most_students
    (3.6, 6.6, 67)
    >>> round(thirty.at_once_s, 1)
    27.4
    """
    read_rate = 8 * tokens_per_s if prompt_tokens_per_s is None else prompt_tokens_per_s
    for name, count in {"students": students, "most_together": most_together, "replicas": replicas}.items():
        _require(name, count, 1, MOST_STUDENTS)
    for name, number in {"tokens_per_s": tokens_per_s, "think_s": think_s, "patience_s": patience_s}.items():
        _require(name, number, 1e-6, 1e9)
    _require("prompt_tokens_per_s", read_rate, 1e-6, 1e12)
    _require("tokens_per_question", tokens_per_question, 0, 1e9)
    _require("prompt_tokens", prompt_tokens, 0 if tokens_per_question else 1, 1e9)
    _require("pass_of_32", pass_of_32, 1, 32)

    asking = np.arange(1, MOST_STUDENTS + 1)
    used = np.minimum(asking, replicas)
    together = np.minimum(asking / used, most_together)  # in each copy that is used
    pass_s = (1 + (pass_of_32 - 1) / 31 * (together - 1)) / tokens_per_s
    question_s = prompt_tokens / read_rate + tokens_per_question * pass_s / together
    queue = _Queue(used / question_s, think_s)
    mean, questions, busy = queue.settled(students)
    return ClassCapacity(
        students=students,
        alone_s=float(question_s[0]),
        answer_s=mean / questions,
        at_once_s=queue.drained_s(students, most_together * replicas),
        asking=mean,
        busy=busy,
        questions_per_minute=60 * questions,
        tokens_per_s=questions * tokens_per_question,
        most_students=queue.largest(patience_s),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Queue:
    """The closed queue.

    Attributes:
        rates: float64 (MOST_STUDENTS,), questions answered in a second while 1, 2, ... are asked.
        think_s: as asked for.
    """

    rates: NDArray[np.float64]
    think_s: float

    def settled(self, n: int) -> tuple[float, float, float]:
        """With n people: how many ask on average, questions a second, and the chance that somebody asks."""
        steps = np.log((n - np.arange(n)) / self.think_s) - np.log(self.rates[:n])
        weights = np.concatenate([[0.0], np.cumsum(steps)])
        chances = np.exp(weights - weights.max())
        chances /= chances.sum()
        mean = float(chances @ np.arange(n + 1))
        # What is answered, and not who thinks: that is the difference of two nearly equal numbers in a full queue.
        return mean, float(chances[1:] @ self.rates[:n]), float(chances[1:].sum())

    def drained_s(self, n: int, most: int) -> float:
        """Seconds until n equal questions that begin together are answered, at most so many of them at once."""
        most = min(most, MOST_STUDENTS)
        rounds, rest = divmod(n, most)
        last = rest / self.rates[rest - 1] if rest else 0.0
        return float(rounds * most / self.rates[most - 1] + last)

    def largest(self, patience_s: float) -> int:
        """The most people whose answers come in time on average: those of more people never come sooner."""
        low, high = 0, MOST_STUDENTS + 1
        while high - low > 1:
            middle = (low + high) // 2
            mean, questions, _ = self.settled(middle)
            low, high = (middle, high) if mean / questions <= patience_s else (low, middle)
        return low


def _require(name: str, number: float, least: float, most: float) -> None:
    if not least <= number <= most:
        raise InvalidSettingError(f"{name} is {number:g}; it must be {least:g} to {most:g}.")
