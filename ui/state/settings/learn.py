"""The settings of the section Learn. They stay a person's own while a lesson shows other pages (`Setting.of_frame`)."""

from __future__ import annotations

from dataclasses import replace

from ui.state.kinds import Setting, choice, integer, real
from ui.state.settings.plain_text import plain_text

__all__ = ["LEARN_SETTINGS", "MAX_GUESS_CHARACTERS"]

MAX_GUESS_CHARACTERS = 200
_MAX_LESSONS, _MAX_STEPS = 100, 50


def _short(value: object) -> str:
    text = plain_text(value)
    if len(text) > MAX_GUESS_CHARACTERS:
        raise ValueError(f"it must have at most {MAX_GUESS_CHARACTERS} characters")
    return text


def _guesses(value: object) -> dict[str, dict[str, str]]:
    if not isinstance(value, dict) or len(value) > _MAX_LESSONS:
        raise ValueError(f"it must be the guesses of at most {_MAX_LESSONS} lessons")
    checked: dict[str, dict[str, str]] = {}
    for lesson, steps in value.items():
        if not isinstance(steps, dict) or len(steps) > _MAX_STEPS:
            raise ValueError(f"each lesson must have guesses for at most {_MAX_STEPS} steps")
        checked[_short(lesson)] = {_short(step): _short(guess) for step, guess in steps.items()}
    return checked


def _code(value: object) -> str:
    return _short(value).strip()[:20]


def _names(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or len(value) > _MAX_LESSONS:
        raise ValueError(f"it must be at most {_MAX_LESSONS} names")
    return tuple(dict.fromkeys(_short(name) for name in value))


def _own_question(value: object) -> dict[str, object]:
    """Sizes alone; what it must be is said where it is asked (`ui.learn.classes.store.plan`)."""
    if not isinstance(value, dict) or len(value) > 10:
        raise ValueError("it must be a question with its kind, its words and its answer")
    lists = [one for one in value.values() if isinstance(one, list | tuple)]
    texts = [*value, *(one for one in value.values() if one not in lists), *(text for one in lists for text in one)]
    if len(texts) > 40 or any(len(plain_text(text)) > 2000 for text in texts):
        raise ValueError("each of its parts must have at most 2000 characters")
    return {name: list(one) if isinstance(one, list | tuple) else one for name, one in value.items()}


_TABLE = (
    # Front door.
    # Lessons: the file's name without ".md", "" for the list of all; the step, from 0; by lesson and number of the
    # step (a string, as JSON has it) what the person guessed and committed to.
    Setting("lesson_file", "", _short),
    integer("lesson_step", 0, 0, _MAX_STEPS),
    Setting("guesses", {}, _guesses, packed=True),
    # A class: the one that is open, by its code; the step of a student who goes at their own pace, from 0. Then what a
    # new class begins with: lessons by the names of their files, its hours and pace, settings that it pins, and a
    # question of the teacher's own. Who a student is, and the teacher's secret, are no settings: no link has them.
    Setting("class_code", "", _code),
    integer("class_step", 0, 0, 200),
    Setting("class_lessons", (), _names, lambda text: text.split(",") if text else [], ",".join),
    real("class_hours", 4.0, 0.5, 24.0),
    choice("class_pace", "together", ("together", "own")),
    Setting("class_pins", ("model", "quantization"), _names, lambda text: text.split(",") if text else [], ",".join),
    Setting("class_question", {}, _own_question, packed=True),
    # Words.
    # Diagnose.
)
LEARN_SETTINGS = tuple(replace(setting, of_frame=True) for setting in _TABLE)
"""What the section keeps, in the order in which a link names it."""
