"""A lesson as a notebook: its prose, each question as text, the code of the answer, and the code of each page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import urlencode

from ui.learn.embedded_page import Address
from ui.learn.facts import Fact
from ui.learn.facts.calls import filled
from ui.learn.lessons.lesson import Lesson, Question, Step
from ui.learn.takeaway.codes import codes_of
from ui.notebooks.cells import Cell, code, notebook, prose
from ui.notebooks.install import install_cell
from ui.notebooks.plots import plot_of

__all__ = ["lesson_cells", "lesson_notebook"]

_READY = """
# What the questions ask is computed by the functions that the lesson itself uses
import logging

logging.disable(logging.WARNING)  # Streamlit says that no app is running
from ui.learn.facts import FACTS

logging.disable(logging.NOTSET)
"""
_KINDS = {"cut": "Mark where it is cut", "number": "A number", "word": "A word", "choice": "One of these"}


_MOST_KEPT = 32
_made: dict[str, bytes] = {}


def lesson_notebook(lesson: Lesson) -> bytes:
    """The notebook of a lesson, kept. Takes a while at first: its pages are run to get their code.

    Raises:
        LoupeError: a value of the lesson cannot be computed, or a page cannot be run.
    """
    key = repr(lesson)  # all that the file says: a lesson that a teacher changes is made anew
    if key not in _made:
        views = [step.view for step in lesson.steps if step.view is not None]
        made = notebook(lesson_cells(lesson, codes_of([_address(view) for view in views])))
        if len(_made) >= _MOST_KEPT:
            _made.pop(next(iter(_made)))
        _made[key] = made
    return _made[key]


def lesson_cells(lesson: Lesson, codes: Sequence[str]) -> list[Cell]:
    """The cells.

    Args:
        lesson: which.
        codes: the code of each step that has a page, in order.
    """
    cells = [
        prose(
            f"# {lesson.title}\n\n{lesson.about}\n\nA lesson of LM Loupe, about {lesson.minutes} minutes: guess before "
            "you run the cell under a question. It needs a copy of LM Loupe's repository."
        ),
        install_cell(whole=True),
        code(_READY),
    ]
    left = iter(codes)
    for step in lesson.steps:
        cells += _step(step, left)
    return cells


def _step(step: Step, codes: Iterator[str]) -> Iterator[Cell]:
    yield prose(f"## {step.title}\n\n{filled(step.prose)}")
    if step.question is not None:
        yield prose(_asked(step.question))
        yield code(_call(step.question.answer))
    if step.why:
        yield prose(filled(step.why))
    if step.view is not None:
        source = next(codes)
        yield prose(f"The page *{step.view.page.title}*, `{_address(step.view)}`:")
        yield code(source)
        yield code(plot_of(step.view.page.url, source))


def _asked(question: Question) -> str:
    lines = [f"**{question.ask}**"]
    if question.text:
        lines.append(f"`{question.text}`")
    unit = f", in {question.unit}" if question.unit else ""
    lines.append(f"*{_KINDS[question.kind]}{unit}.*")
    return "\n\n".join([*lines, *(["\n".join(f"- {one}" for one in question.choices)] if question.choices else [])])


def _call(fact: Fact) -> str:
    arguments = ", ".join(f"{name}={value!r}" for name, value in fact.arguments)
    return f"FACTS[{fact.name!r}]({arguments})"


def _address(view: Address) -> str:
    return f"/{view.page.url}{f'?{urlencode(view.params)}' if view.params else ''}"
