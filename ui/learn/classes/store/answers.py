"""What the store of classes answers: the class, its pulse, its counts; and what it refuses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from lmloupe.errors import LoupeError
from ui.learn.classes.store.plan import Item

__all__ = ["ClassError", "Classroom", "Counts", "GuessRow", "NoClassError", "Pace", "Phase", "Pulse", "Started"]

Phase: TypeAlias = Literal["lobby", "open", "closed", "reveal", "finish"]
Pace: TypeAlias = Literal["together", "own"]


class ClassError(LoupeError):
    """What cannot be done in a class, in one sentence."""


class NoClassError(ClassError):
    """No class has this code."""


@dataclass(frozen=True, slots=True)
class Started:
    """A new class: its code for everybody, and the secret of who leads it."""

    code: str
    secret: str


@dataclass(frozen=True, slots=True)
class Pulse:
    """What those who follow a class ask for every second.

    Attributes:
        version: another number whenever the class has moved, or was changed.
        activity: another number whenever somebody joined or guessed.
        running: whether it has not ended.
    """

    version: int
    activity: int
    running: bool


@dataclass(frozen=True, slots=True)
class Classroom:
    """A class as it is now.

    Attributes:
        code: its join code.
        plan: its steps.
        position: the step that it is at, from 0; -1 before the first, ``len(plan)`` after the last.
        phase: of the step: "open" for guesses, "closed", "reveal"; "lobby" before the first, "finish" after the last.
        revealed: the last step whose answer everybody has seen; -1 for none.
        pace: whether all go through the steps together, or each at their own pace.
        pins: the settings that all pages have in it, as the parameters of a link.
        pulse: as `Store.pulse` gives it.
        ends: when it ends or has ended, in seconds since 1970.
    """

    code: str
    plan: tuple[Item, ...]
    position: int
    phase: Phase
    revealed: int
    pace: Pace
    pins: dict[str, str]
    pulse: Pulse
    ends: float

    @property
    def item(self) -> Item | None:
        """The step that it is at; None before the first and after the last."""
        return self.plan[self.position] if 0 <= self.position < len(self.plan) else None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many have joined, how many of them are there now, and how many of those have or have not guessed.

    Attributes:
        joined: all who have joined.
        here: those whose page has asked for news of late.
        guessed: those who have guessed.
        thinking: those here who have not guessed.
    """

    joined: int
    here: int
    guessed: int
    thinking: int


@dataclass(frozen=True, slots=True)
class GuessRow:
    """One guess, by the number of who made it: the first who joined is 1.

    Attributes:
        position: the step, from 0.
        student: the number.
        guess: what was guessed.
        at: when, in seconds since 1970.
    """

    position: int
    student: int
    guess: str
    at: float
