"""Whether a guess is right, and what a guess and an answer look like in a sentence."""

from __future__ import annotations

import math
import re
import unicodedata
from itertools import pairwise

from ui.base.words import counted, probability
from ui.learn.facts import Value
from ui.learn.lessons.lesson import Question
from ui.state.settings.learn import MAX_GUESS_CHARACTERS

__all__ = ["judge", "read_cuts", "read_number", "refused", "shown"]

_SPACES = re.compile(r"[\s\u00a0\u202f\u2009'’_]")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]{1,3})?", re.IGNORECASE)
BETWEEN = "|"


def judge(question: Question, guess: str, answer: Value) -> bool:
    """Whether a guess is right; one that cannot be read is not.

    Args:
        question: what was asked.
        guess: as it is kept: the choice, the number or the word as typed, cuts as "2,5".
        answer: the computed one.
    """
    if question.kind == "choice":
        return guess == str(answer)
    if question.kind == "cut":
        return isinstance(answer, tuple) and read_cuts(guess, len(question.text)) == tuple(sorted(set(answer)))
    if question.kind == "word":
        word = str(answer)
        return _plain(guess) == _plain(word) if _plain(word) else guess.strip() == word.strip() != ""
    number = read_number(guess)
    if number is None or not isinstance(answer, int | float):
        return False
    right = float(answer) * (100 if question.unit == "%" else 1)
    return math.isclose(number, right, rel_tol=max(question.within, 1e-9), abs_tol=1e-12)


def refused(question: Question, guess: str) -> str:
    """Why this is not taken as a guess, as a sentence; "" where it is."""
    if not guess.strip():
        return "" if question.kind == "cut" else "Write your guess first."
    if len(guess) > MAX_GUESS_CHARACTERS:
        return f"A guess has at most {MAX_GUESS_CHARACTERS} characters."
    if question.kind == "number" and read_number(guess) is None:
        return "Write a number, such as 12 or 3.5."
    if question.kind == "choice" and guess not in question.choices:
        return "Choose one of the answers."
    if question.kind == "cut" and read_cuts(guess, len(question.text)) is None:
        return f"Write places from 1 to {len(question.text) - 1} with commas between them, such as 2,4."
    return ""


def read_number(typed: str) -> float | None:
    """A number as people type it; None where it is none.

    >>> [read_number(text) for text in ("1,024", "2.5 %", "about 7 tokens", "2,5", "1.5e3", "≈ 12", "many", "1 or 2")]
    [1024.0, 2.5, 7.0, 2.5, 1500.0, 12.0, None, None]
    """
    text = unicodedata.normalize("NFKC", typed).strip().replace("\u2212", "-")
    text = re.sub(r"^(?:[~≈=]|about|ca\.?|circa)\s*", "", text, flags=re.IGNORECASE)
    text = re.sub(r"(?<=[0-9.])\s*(?:%|[^\W\d_][^\d]*)$", "", text)
    text = _SPACES.sub("", text)
    if re.fullmatch(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?", text):
        text = text.replace(",", "")
    elif re.fullmatch(r"[+-]?[0-9]*,[0-9]+", text):
        text = text.replace(",", ".")
    number = float(text) if _NUMBER.fullmatch(text) else math.nan
    return number if math.isfinite(number) else None


def read_cuts(typed: str, length: int) -> tuple[int, ...] | None:
    """Places of cuts in a text of that many characters, in order; None where they are none.

    >>> read_cuts("4, 2", 7), read_cuts("", 7), read_cuts("9", 7), read_cuts("two", 7)
    ((2, 4), (), None, None)
    """
    parts = re.split(r"[,;\s]+", typed.strip()) if typed.strip() else []
    if not all(re.fullmatch(r"[0-9]{1,4}", part) for part in parts):
        return None
    places = tuple(sorted({int(part) for part in parts}))
    return places if all(0 < place < length for place in places) else None


def shown(question: Question, value: Value) -> str:
    """A guess, or the answer, as a sentence shows it: a word between quotes, a number with its unit, a text with cuts.

    It may hold what a person typed: it is plain text and no Markdown.
    """
    if question.kind == "cut":
        cuts = value if isinstance(value, tuple) else read_cuts(str(value), len(question.text)) or ()
        ends = [0, *sorted(set(cuts)), len(question.text)]
        return BETWEEN.join(question.text[a:b] for a, b in pairwise(ends))
    if question.kind == "word":
        return f"“{value}”"
    if question.kind == "choice":
        return str(value)
    if isinstance(value, str):
        number = read_number(value)
        if number is None:
            return f"“{value}”"
        return _with_unit(int(number) if number.is_integer() else number, question.unit, typed=True)
    return _with_unit(value, question.unit) if isinstance(value, int | float) else str(value)


def _with_unit(number: float, unit: str, *, typed: bool = False) -> str:
    if unit == "%":
        return f"{number:,g}%" if typed else probability(number) if 0 <= number <= 1 else f"{number:.1%}"
    text = f"{number:,}" if isinstance(number, int) else f"{number:,.4g}"
    if isinstance(number, int) and unit.endswith("s") and number == 1:
        return counted(1, unit[:-1])
    return f"{text} {unit}".rstrip()


def _plain(word: str) -> str:
    """A word as it is compared: without white space and quotes around it, capital letters as small ones."""
    return unicodedata.normalize("NFKC", word).strip().strip("\"'“”‘’`").strip().casefold()
