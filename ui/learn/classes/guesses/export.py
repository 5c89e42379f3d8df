"""What a class guessed as CSV (RFC 4180), for a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from datetime import UTC, datetime

from lmloupe.errors import LoupeError
from ui.learn.classes.steps import ask_of, shown_step
from ui.learn.classes.store.answers import Classroom, GuessRow
from ui.learn.facts import Value
from ui.learn.lessons.judging import judge, shown
from ui.learn.lessons.lesson import Question

__all__ = ["class_csv", "guarded"]

_HEAD = ("step", "lesson", "question", "student", "guess", "right", "right answer", "time (UTC)")
_FORMULA, _BREAKS = ("=", "+", "-", "@", "＝", "＋", "－", "＠"), ("\t", "\r", "\n")
_NUMBER = re.compile(r"[+-]?[0-9][0-9.,]*(?:e[+-]?[0-9]+)?\s?%?", re.IGNORECASE)


def guarded(cell: str) -> str:
    r"""A text that no spreadsheet takes for a formula: an apostrophe goes before what would begin one (OWASP).

    >>> guarded("=1+1"), guarded("-3.5"), guarded("-2+3"), guarded("cafe"), guarded("\t=1")
    ("'=1+1", '-3.5', "'-2+3", 'cafe', "'\t=1")
    """
    begins = cell.lstrip().startswith(_FORMULA) or cell.startswith(_BREAKS)
    return f"'{cell}" if begins and not _NUMBER.fullmatch(cell) else cell


def class_csv(room: Classroom, rows: Sequence[GuessRow]) -> bytes:
    """A line for each guess. Students are numbers in the order in which they joined; nothing else is known of them.

    UTF-8 with a mark at the start by which spreadsheets know it.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(_HEAD)
    steps: dict[int, tuple[Question | None, Value | None, str]] = {}
    for row in rows:
        if row.position not in steps:
            steps[row.position] = _step(room, row.position)
        item, (question, answer, written) = room.plan[row.position], steps[row.position]
        right = ""
        if question is not None and answer is not None:
            right = "yes" if judge(question, row.guess, answer) else "no"
        texts = (item.lesson or "own question", ask_of(item), str(row.student), row.guess, right, written)
        time = datetime.fromtimestamp(row.at, UTC).strftime("%Y-%m-%d %H:%M:%S")
        writer.writerow([str(row.position + 1), *map(guarded, texts), time])
    return out.getvalue().encode("utf-8-sig")


def _step(room: Classroom, position: int) -> tuple[Question | None, Value | None, str]:
    """What a step asks and its right answer, also in words, or why it has none now."""
    try:
        step = shown_step(room, position)
        question, answer = step.question, step.answer()
    except LoupeError as error:
        return None, None, str(error)
    return question, answer, "" if question is None or answer is None else shown(question, answer)
