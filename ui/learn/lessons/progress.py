"""Where somebody is in the lessons: the step that is open and the guesses, which the session and the link keep."""

from __future__ import annotations

from typing import Literal

from ui.learn.lessons.judging import refused
from ui.learn.lessons.lesson import Lesson
from ui.state import store as state

__all__ = ["answered", "commit", "forget", "guess_of", "open_step", "phase", "step_open", "turn"]

MOST_LESSONS = 100
Phase = Literal["question", "reveal", "end"]


def open_step(lesson: Lesson | None, step: int = 0, *, shown: bool = False) -> None:
    """Open a step of a lesson, or the list.

    Args:
        lesson: which; None for the list.
        step: from 0; as many as there are is the end of the lesson.
        shown: whether the reveal is shown to who presents.
    """
    state.put("lesson_file", "" if lesson is None else lesson.key)
    state.put("lesson_step", step)
    state.put("lesson_shown", shown)


def step_open(lesson: Lesson) -> int:
    """The step that is open, from 0; as many as there are at the end, also where the lesson was longer once."""
    return min(int(state.get("lesson_step")), len(lesson.steps))


def guess_of(lesson: Lesson, step: int) -> str | None:
    """What the person has committed to; None where nothing, or to what the question no longer takes."""
    question = lesson.steps[step].question
    guess = state.get("guesses").get(lesson.key, {}).get(str(step))
    return None if question is None or guess is None or refused(question, guess) else str(guess)


def answered(lesson: Lesson) -> tuple[int, int]:
    """How many of a lesson's questions have a guess, and how many there are."""
    asked = [i for i, step in enumerate(lesson.steps) if step.question is not None]
    return sum(guess_of(lesson, i) is not None for i in asked), len(asked)


def commit(lesson: Lesson, step: int, guess: str) -> None:
    """Keep a guess, and show the reveal."""
    guesses = state.get("guesses")
    own = guesses.pop(lesson.key, {})
    while len(guesses) >= MOST_LESSONS:  # of lessons that are gone, most probably
        guesses.pop(next(iter(guesses)))
    known = {name: held for name, held in own.items() if name in map(str, range(len(lesson.steps)))}
    guesses[lesson.key] = known | {str(step): guess}
    state.put("guesses", guesses)
    state.put("lesson_shown", True)


def forget(lesson: Lesson, step: int | None = None) -> None:
    """Take back the guess of a step, or all of the lesson and begin it again."""
    guesses = state.get("guesses")
    if step is None:
        guesses.pop(lesson.key, None)
        open_step(lesson)
    else:
        guesses.get(lesson.key, {}).pop(str(step), None)
        state.put("lesson_shown", False)
    state.put("guesses", guesses)


def phase(lesson: Lesson) -> Phase:
    """What is shown of the open step. Nobody sees a reveal before a guess but who presents, and asks the room."""
    step = step_open(lesson)
    if step == len(lesson.steps):
        return "end"
    if lesson.steps[step].question is None:
        return "reveal"
    if state.get("present"):
        return "reveal" if state.get("lesson_shown") else "question"
    return "reveal" if guess_of(lesson, step) is not None else "question"


def turn(lesson: Lesson, following: Lesson | None, by: int) -> None:
    """Walk on or back as a presenter does: question, reveal, the next step's question, to the next lesson.

    Args:
        lesson: the one that is open.
        following: the next one; None after the last.
        by: 1 or -1.
    """
    step, now = step_open(lesson), phase(lesson)
    if by > 0 and now == "question":
        state.put("lesson_shown", True)
    elif by > 0 and now == "end":
        if following is not None:
            open_step(following)
    elif by > 0:
        open_step(lesson, step + 1)
    elif now == "reveal" and lesson.steps[step].question is not None:
        state.put("lesson_shown", False)
    elif step > 0:
        open_step(lesson, step - 1, shown=True)
