"""What a lesson is: steps, each with a question that is answered first and a page that then shows the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ui.learn.embedded_page import Address

__all__ = ["Fact", "Kind", "Lesson", "Question", "Step"]

Kind = Literal["choice", "number", "word", "cut"]


@dataclass(frozen=True, slots=True)
class Fact:
    """A value that is computed, never written down: the name of a function of `facts` and its arguments."""

    name: str
    arguments: tuple[tuple[str, str | int | float | bool], ...]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked before anything is shown.

    Attributes:
        kind: "choice" (one of ``choices``), "number", "word", or "cut" (mark the places where ``text`` is split).
        ask: the question, one sentence.
        answer: computes the right answer: one of the choices, a number, a text, or the places of the cuts (numbers of
            characters before each).
        choices: of a choice; two to six.
        unit: of a number, such as "tokens" or "%".
        within: of a number, the relative distance from the answer that still counts as right; 0.1 for 10 %.
        text: what is to be cut.
    """

    kind: Kind
    ask: str
    answer: Fact
    choices: tuple[str, ...] = ()
    unit: str = ""
    within: float = 0.0
    text: str = ""


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
    """

    key: str
    title: str
    minutes: int
    words: tuple[str, ...]
    about: str
    steps: tuple[Step, ...]
