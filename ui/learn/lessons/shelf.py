"""All lessons: those that come with the program, and those of the teacher's folder ``LMLOUPE_LESSONS``."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from ui.learn.lessons.answers import uncomputed
from ui.learn.lessons.lesson import Lesson, LessonError
from ui.learn.lessons.reading import MAX_BYTES, read_lesson

__all__ = ["FOLDER", "VARIABLE", "Shelf", "lesson", "lessons", "shelf"]

FOLDER = Path(__file__).parents[3] / "lessons"
VARIABLE = "LMLOUPE_LESSONS"
MAX_FILES = 100

_read: dict[Path, tuple[tuple[int, int], Lesson | LessonError]] = {}
"""What each file held when it had that time and size."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """Lessons in order, and a sentence for each file that is none."""

    lessons: tuple[Lesson, ...]
    mistakes: tuple[str, ...]


def shelf() -> Shelf:
    """All lessons by now; a file is read again only when it has changed.

    A lesson in the teacher's folder that has the file name of one of ours takes its place.
    """
    found: dict[str, Lesson] = {}
    mistakes = []
    for folder in _folders():
        try:
            files = sorted(folder.glob("*.md")) if folder.is_dir() else None
        except OSError:
            files = None
        if files is None:
            mistakes.append(f"{VARIABLE} names {folder}, which is not a folder that can be read.")
            continue
        if len(files) > MAX_FILES:
            mistakes.append(f"{folder} has {len(files):,} lessons, and only the first {MAX_FILES} are shown.")
        for file in files[:MAX_FILES]:
            held = _held(file)
            if isinstance(held, LessonError):
                mistakes.append(str(held))
            else:
                found[held.key] = held
    return Shelf(tuple(found.values()), tuple(mistakes))


def lessons() -> tuple[Lesson, ...]:
    """All lessons that can be read."""
    return shelf().lessons


def lesson(key: str) -> Lesson | None:
    """The lesson with that key; None where there is none."""
    return next((one for one in lessons() if one.key == key), None)


def _folders() -> list[Path]:
    own = os.environ.get(VARIABLE, "").strip()
    return [FOLDER, *([Path(own).expanduser()] if own else [])]


def _checked(file: Path) -> Lesson:
    """The lesson of a file; of a teacher's, what takes no model is computed too."""
    one = read_lesson(file.read_text("utf-8-sig"), file.name)
    if file.parent != FOLDER and (wrong := uncomputed(one, slow=False)):
        raise LessonError(wrong[0])
    return one


def _held(file: Path) -> Lesson | LessonError:
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            return LessonError(f"{file.name}, line 1: it cannot be read.")
        if status.st_size > MAX_BYTES:
            return LessonError(f"{file.name}, line 1: it has more than {MAX_BYTES:,} bytes.")
        stamp = status.st_mtime_ns, status.st_size
        held = _read.get(file)
        if held is None or held[0] != stamp:
            held = _read[file] = stamp, _checked(file)
        return held[1]
    except LessonError as error:
        _read[file] = stamp, error
        return error
    except UnicodeDecodeError:
        return LessonError(f"{file.name}, line 1: it is not UTF-8 text.")
    except OSError:
        return LessonError(f"{file.name}, line 1: it cannot be read.")
