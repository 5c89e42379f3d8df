"""Compute what a lesson asks and states, and find what of it cannot be computed."""

from __future__ import annotations

from lmloupe.errors import LoupeError
from ui.learn.facts import Value, compute, is_slow
from ui.learn.facts.calls import formatted, mentions
from ui.learn.lessons.lesson import Lesson, LessonError

__all__ = ["answer_of", "uncomputed"]


def answer_of(lesson: Lesson, index: int) -> Value:
    """The right answer to the question of a step.

    Raises:
        LessonError: it could not be computed, or the question cannot have it.
    """
    question = lesson.steps[index].question
    if question is None:
        raise ValueError(f"step {index} of {lesson.key} asks nothing")
    where = f"{lesson.file}, line {question.line}"
    try:
        answer = compute(question.answer)
    except LoupeError as error:
        raise LessonError(f"{where}: {error}") from error
    if question.kind == "choice" and str(answer) not in question.choices:
        raise LessonError(f"{where}: the answer is {answer}, which is not among the choices.")
    if isinstance(answer, tuple) and not all(0 < place < len(question.text) for place in answer):
        raise LessonError(f"{where}: the cuts {answer} do not lie in {question.text}; is it the same text?")
    return answer


def uncomputed(lesson: Lesson, *, slow: bool = True) -> list[str]:
    """A sentence for each answer and value of a lesson that cannot be computed, with the line.

    Args:
        lesson: which.
        slow: whether to compute those too that run the model.
    """
    found = []
    for index, step in enumerate(lesson.steps):
        if step.question is not None and (slow or not is_slow(step.question.answer)):
            try:
                answer_of(lesson, index)
            except LessonError as error:
                found.append(str(error))
        for text in (step.prose, step.why):
            for one in mentions(text):
                if slow or not is_slow(one.fact):
                    try:
                        formatted(compute(one.fact), one.spec)
                    except (LoupeError, ValueError) as error:
                        found.append(f"{lesson.file}, step from line {step.line}, {one.fact.name}: {error}")
    return found
