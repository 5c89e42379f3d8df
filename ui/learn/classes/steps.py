"""The steps of a class as lessons have them, with the settings that its teacher has pinned."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ui.base.errors import escape_markdown
from ui.learn.classes.store.answers import ClassError, Classroom
from ui.learn.classes.store.plan import Item, OwnQuestion
from ui.learn.embedded_page import Address, read_view
from ui.learn.facts import Fact, Value
from ui.learn.lessons.answers import answer_of
from ui.learn.lessons.judging import judge, read_cuts, read_number
from ui.learn.lessons.lesson import Lesson, Question, Step
from ui.learn.lessons.shelf import lesson
from ui.state.link import decode, encode
from ui.state.settings import EMBEDDED_MODEL
from ui.state.uploads import take_out

__all__ = ["Shown", "ask_of", "own_step", "pinned_values", "plan_of", "right_ones", "shown_step"]


@dataclass(frozen=True, slots=True)
class Shown:
    """A step of a class.

    Attributes:
        lesson: what it belongs to; its page has the pinned settings.
        index: its place there.
        own: whether it is a question of the teacher's own.
        own_answer: the right answer that the teacher gave to it; None where there is none.
        other_model: the model that is pinned, where it is not the one that the lesson's answer is computed with.
    """

    lesson: Lesson
    index: int
    own: bool = False
    own_answer: Value | None = None
    other_model: str = ""

    @property
    def step(self) -> Step:
        """The step."""
        return self.lesson.steps[self.index]

    @property
    def question(self) -> Question | None:
        """What it asks."""
        return self.step.question

    def answer(self) -> Value | None:
        """The right answer; None where there is none.

        Raises:
            LoupeError: it could not be computed.
        """
        return self.own_answer if self.own or self.question is None else answer_of(self.lesson, self.index)


def plan_of(lessons: Sequence[Lesson], own: OwnQuestion | None = None) -> tuple[Item, ...]:
    """The plan of a class: all steps of some lessons, and a question of the teacher's own after them."""
    steps = [Item(one.key, index, step.question is not None) for one in lessons for index, step in enumerate(one.steps)]
    return (*steps, *([Item(own=own)] if own else []))


def pinned_values(pins: Mapping[str, str]) -> dict[str, Any]:
    """The settings that a class has pinned, checked as those of any link are."""
    values, _ = decode(pins)
    take_out(values)
    return values


def shown_step(room: Classroom, position: int) -> Shown:
    """A step of a class.

    Raises:
        ClassError: the file of its lesson is gone or has fewer steps now.
    """
    item = room.plan[position]
    if item.own is not None:
        return own_step(item.own, room.pins, position)
    found = lesson(item.lesson)
    if found is None or item.step >= len(found.steps):
        raise ClassError(f"Step {item.step + 1} of the lesson {item.lesson} is gone: its file was changed. Go on.")
    step = found.steps[item.step]
    view = None if step.view is None else _pinned(step.view, room.pins)
    steps = (*found.steps[: item.step], replace(step, view=view), *found.steps[item.step + 1 :])
    model = room.pins.get("model", EMBEDDED_MODEL)
    other = model if model != EMBEDDED_MODEL and view is not None and view.values.get("model") == model else ""
    return Shown(replace(found, key=_key(found.key, room.pins), steps=steps), item.step, other_model=other)


def own_step(own: OwnQuestion, pins: Mapping[str, str], position: int) -> Shown:
    """A question of the teacher's own as a lesson of one step.

    Raises:
        ClassError: no page has the address that it names.
    """
    view = None
    if own.view:
        try:
            view = _pinned(read_view(own.view), pins)
        except ValueError as error:
            raise ClassError(f"The page of this question cannot be shown: {error}.") from error
    # What a person wrote is no Markdown; what an author of a lesson wrote is.
    question = Question(own.kind, escape_markdown(own.ask), Fact("", ()), own.choices, own.unit, 0.0, own.text)
    step = Step("A question for everybody", "", question, view, "", 0)
    held = Lesson(_key(f"own {position}", pins), "A question for everybody", 1, (), "", (step,))
    return Shown(held, 0, own=True, own_answer=_own_answer(own))


def ask_of(item: Item) -> str:
    """What a step asks, or its heading, as plain text; for lists and files."""
    if item.own is not None:
        return item.own.ask
    found = lesson(item.lesson)
    if found is None or item.step >= len(found.steps):
        return ""
    step = found.steps[item.step]
    return step.title if step.question is None else step.question.ask


def right_ones(shown: Shown, guesses: Sequence[str]) -> int | None:
    """How many of the guesses are right; None where there is no right answer.

    Raises:
        LoupeError: it could not be computed.
    """
    answer, question = shown.answer(), shown.question
    return None if answer is None or question is None else sum(judge(question, guess, answer) for guess in guesses)


def _own_answer(own: OwnQuestion) -> Value | None:
    if not own.answer:
        return None
    if own.kind == "number":
        number = read_number(own.answer)
        return number / 100 if number is not None and own.unit == "%" else number
    return read_cuts(own.answer, len(own.text)) if own.kind == "cut" else own.answer


def _pinned(view: Address, pins: Mapping[str, str]) -> Address:
    """The page with the pinned settings; what the lesson itself sets to show something stays."""
    values = pinned_values(pins) | view.values
    return Address(view.page, values, encode(values).params)


def _key(name: str, pins: Mapping[str, str]) -> str:
    """A key by which the page begins anew when other settings are pinned."""
    return f"{name} {zlib.crc32(repr(sorted(pins.items())).encode()):x}" if pins else name
