"""What a lesson is: steps, each with a question that is answered first and a page that then shows the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lmloupe.errors import LoupeError
from ui.learn.embedded_page import Address
from ui.learn.facts import Fact

__all__ = ["Kind", "Lesson", "LessonError", "Question", "Step"]

Kind = Literal["choice", "number", "word", "cut"]


class LessonError(LoupeError):
    """A mistake in the file of a lesson; the sentence names the file and the line."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked before anything is shown.

    Attributes:
        kind: "choice" (one of ``choices``), "number", "word", or "cut" (mark the places where ``text`` is split).
        ask: the question, one sentence.
        answer: computes the right answer: one of the choices, a number, a text, or the places of the cuts (numbers of
            characters before each).
        choices: of a choice; two to six.
        unit: of a number, such as "tokens". With "%" the answer is a share of 0 to 1, as facts give it, and the guess
            is in percent.
        within: of a number, the relative distance from the answer that still counts as right; 0.1 for 10 %.
        text: what is to be cut.
        line: where the answer stands in the file, from 1.
    """

    kind: Kind
    ask: str
    answer: Fact
    choices: tuple[str, ...] = ()
    unit: str = ""
    within: float = 0.0
    text: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes:
        title: its heading.
        prose: a sentence or two in Markdown, before the question.
        question: what is asked; None where the step only shows something or sets a task.
        view: the page that is shown once the guess is committed (at once where nothing is asked).
        why: one or two sentences in Markdown, shown with the page; ``{{fact(...)}}`` in it stands for a value.
        line: where it begins in the file, from 1.
    """

    title: str
    prose: str
    question: Question | None
    view: Address | None
    why: str
    line: int


@dataclass(frozen=True, slots=True)
class Lesson:
    """One lesson.

    Attributes:
        key: the name of its file without ".md", as links name it.
        title: its name.
        minutes: how long it takes, about.
        words: names of entries of the glossary that it explains.
        about: one or two sentences for the list of lessons.
        steps: in order; the last one is a task on a text of the learner's own.
        file: the file's name, for sentences about it.
    """

    key: str
    title: str
    minutes: int
    words: tuple[str, ...]
    about: str
    steps: tuple[Step, ...]
    file: str = ""
