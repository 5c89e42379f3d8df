"""The settings of the section Learn. They stay a person's own while a lesson shows other pages (`Setting.of_frame`)."""

from __future__ import annotations

from dataclasses import replace

import lmloupe as lm
from ui.base.glossary.entries import LANGUAGES, WORDS
from ui.state.kinds import Setting, choice, flag, integer, place, real
from ui.state.settings.defaults import DEFAULT_PASTED
from ui.state.settings.plain_text import plain_text

__all__ = ["LEARN_SETTINGS", "MAX_GUESS_CHARACTERS", "MAX_PASTED_IN_LINK"]

MAX_GUESS_CHARACTERS = 200
MAX_PASTED_IN_LINK = 2000
MAX_PASTED_CHARACTERS = 1_000_000
_MAX_LESSONS, _MAX_STEPS, _MAX_WORD = 100, 50, 40


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


def _word(value: object) -> str:
    text = plain_text(value)
    if len(text) > _MAX_WORD or "\n" in text:
        raise ValueError(f"it must be one line of at most {_MAX_WORD} characters")
    return text


def _door_guesses(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or len(value) > _MAX_STEPS:
        raise ValueError("it must be a guess for each figure")
    return {_short(key): _short(guess) for key, guess in value.items()}


def _code(value: object) -> str:
    return _short(value).strip()[:20]


def _names(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or len(value) > _MAX_LESSONS:
        raise ValueError(f"it must be at most {_MAX_LESSONS} names")
    return tuple(dict.fromkeys(_short(name) for name in value))


def _own_question(value: object) -> dict[str, object]:
    """Sizes and kinds alone; what it must be is said where it is asked (`ui.learn.classes.store.plan`)."""
    wrong = ValueError("it must be a question with its kind, its words and its answer")
    if not isinstance(value, dict) or len(value) > 10:
        raise wrong
    checked: dict[str, object] = {}
    for name, one in value.items():
        if isinstance(one, list | tuple) != (name == "choices"):
            raise wrong
        parts = list(one) if name == "choices" else [one]
        if len(parts) > 30 or any(len(plain_text(text)) > 2000 for text in [name, *parts]):
            raise ValueError("each of its parts must have at most 2000 characters")
        checked[name] = parts if name == "choices" else one
    return checked


def _pasted(value: object) -> str:
    text = plain_text(value)
    if len(text) > MAX_PASTED_CHARACTERS:
        raise ValueError(f"it must have at most {MAX_PASTED_CHARACTERS:,} characters; the end of a log says most")
    return lm.without_secrets(text)


_TABLE = (
    # Front door: by key of the figure what the person guessed, "?" for nothing; what each figure shows.
    Setting("door_guesses", {}, _door_guesses, packed=True),
    Setting("door_word", "coconut", _word),
    Setting("door_cut_word", "coconut", _word),
    Setting("door_merge_word", "coconut", _word),
    integer("door_merge_step", 1000, 0, 1000),
    choice("door_merge_speed", "1", ("0.5", "1", "2", "4")),
    Setting("door_special_text", "<|begin_of_text|>", _short),
    flag("door_special_read", default=True),
    Setting("door_message", "What is the capital of France?", _short),
    choice("door_family", "llama-3.1", ("llama-3.1", "phi-3", "qwen2", "smollm2")),
    Setting("door_vector_text", "A coconut", _short),
    place("door_vector_token", 1, MAX_GUESS_CHARACTERS),
    Setting("door_prompt", "The capital of France is", _short),
    integer("door_rolls", 0, 0, 2000),
    Setting("door_warm_prompt", "My favorite color is", _short),
    real("door_temperature", 2.0, 0.0, 2.0),
    integer("door_warm_rolls", 0, 0, 2000),
    choice("door_format", "nf4", ("nf4", "fp4", "q8_0")),
    place("door_block", 0, 100_000),
    Setting("door_question", "What is the capital of France?", _short),
    # Lessons: the file's name without ".md", "" for the list of all; the step, from 0; by lesson and number of the
    # step (a string, as JSON has it) what the person guessed and committed to.
    Setting("lesson_file", "", _short),
    integer("lesson_step", 0, 0, _MAX_STEPS),
    # Whether who presents has turned from the question to the reveal; elsewhere a guess alone does.
    flag("lesson_shown", False),
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
    # Words: what is searched for; the key of the word that is open, "" for none; whether its example is drawn below
    # it; the language of the terms, "auto" for the browser's.
    Setting("word_search", "", _short),
    choice("word_open", "", ("", *WORDS)),
    flag("word_example", default=False),
    choice("word_language", "auto", ("auto", *LANGUAGES)),
    # Diagnose: what was pasted, without secrets; the finding whose effect is shown, by its key, "" for the first.
    Setting("pasted_text", DEFAULT_PASTED, _pasted, longest_in_link=MAX_PASTED_IN_LINK),
    Setting("pasted_finding", "", _short),
)
LEARN_SETTINGS = tuple(replace(setting, of_frame=True) for setting in _TABLE)
"""What the section keeps, in the order in which a link names it."""
