"""The settings of the section Learn. They stay a person's own while a lesson shows other pages (`Setting.of_frame`)."""

from __future__ import annotations

from dataclasses import replace

from ui.base.glossary.entries import LANGUAGES, WORDS
from ui.state.kinds import Setting, choice, flag, integer
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


_TABLE = (
    # Front door.
    # Lessons: the file's name without ".md", "" for the list of all; the step, from 0; by lesson and number of the
    # step (a string, as JSON has it) what the person guessed and committed to.
    Setting("lesson_file", "", _short),
    integer("lesson_step", 0, 0, _MAX_STEPS),
    Setting("guesses", {}, _guesses, packed=True),
    # A class.
    # Words: what is searched for; the key of the word that is open, "" for none; whether its example is drawn below
    # it; the language of the terms, "auto" for the browser's.
    Setting("word_search", "", _short),
    choice("word_open", "", ("", *WORDS)),
    flag("word_example", default=False),
    choice("word_language", "auto", ("auto", *LANGUAGES)),
    # Diagnose.
)
LEARN_SETTINGS = tuple(replace(setting, of_frame=True) for setting in _TABLE)
"""What the section keeps, in the order in which a link names it."""
