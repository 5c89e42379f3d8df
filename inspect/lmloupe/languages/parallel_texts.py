"""Texts that say the same thing in many languages: the project's own, and a person's own file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from lmloupe.encodings.encoding import check_text
from lmloupe.errors import InputError, InvalidTextError
from lmloupe.languages.language_names import is_language
from lmloupe.vocabulary.writing_systems import UNSPACED_SCRIPTS, script_of

__all__ = ["MAX_PARALLEL_BYTES", "Language", "code_samples", "languages_of", "load_parallel", "parallel_languages"]

MAX_PARALLEL_BYTES = 2_000_000
"""Largest file that `load_parallel` takes, in bytes of UTF-8."""

_MAX_LANGUAGES = 300
_MAX_SENTENCES = 5000


@dataclass(frozen=True, slots=True)
class Language:
    """One language of a set of parallel texts.

    Attributes:
        code: BCP 47 tag, ``zh-Hans``; the name where no tag is known.
        name: in English.
        own_name: in the language itself.
        script: class of `lmloupe.vocabulary.writing_systems.SCRIPT_CLASSES` that most of the letters have.
        spaced: whether spaces stand between words. False for Thai, Burmese, Chinese and others, and for program code:
            words are not counted there.
        sentences: the texts, in the same order in every language.
    """

    code: str
    name: str
    own_name: str
    script: str
    spaced: bool
    sentences: tuple[str, ...] = field(repr=False)


@cache
def _data() -> dict[str, Any]:
    data: dict[str, Any] = json.loads((resources.files("lmloupe") / "data" / "languages.json").read_text("utf-8"))
    return data


@cache
def parallel_languages() -> tuple[Language, ...]:
    """Ten everyday sentences in sixty languages, written for this project, sorted by English name.

    They say the same, as a person of each language would put it. They are not a corpus: ten sentences show the order of
    magnitude, not the second decimal.

    >>> burmese = next(language for language in parallel_languages() if language.code == "my")
    >>> burmese.name, burmese.own_name, burmese.spaced, len(burmese.sentences)
    ('Burmese', 'မြန်မာ', False, 10)
    """
    return tuple(Language(**{**entry, "sentences": tuple(entry["sentences"])}) for entry in _data()["languages"])


@cache
def code_samples() -> tuple[Language, ...]:
    """The same small program in sixteen programming languages: read numbers, add up the even ones, print the sum.

    >>> [sample.name for sample in code_samples()][:4]
    ['Python', 'JavaScript', 'TypeScript', 'Java']
    """
    return tuple(
        Language(entry["code"], entry["name"], entry["name"], "Latin", False, ("\n".join(entry["lines"]) + "\n",))
        for entry in _data()["code"]
    )


def languages_of(texts: Mapping[str, Sequence[str]]) -> tuple[Language, ...]:
    """Languages from names and sentences; the script and the spaces are seen in the text itself.

    >>> [(language.name, language.script, language.spaced) for language in languages_of({"Thai": ["สวัสดี"]})]
    [('Thai', 'Thai', False)]
    """
    found = []
    for name, sentences in texts.items():
        script = script_of(" ".join(sentences))
        found.append(Language(name, name, name, script, script not in UNSPACED_SCRIPTS, tuple(sentences)))
    return tuple(found)


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = len(data) - len(error.object) + error.start  # a byte order mark has been taken off
        line = data.count(b"\n", 0, place) + 1
        raise InvalidTextError(
            f"Byte {place:,} of the file, in line {line}, is 0x{data[place]:02x}, which is not UTF-8: "
            "save the file as UTF-8."
        ) from error


def _rows_of_table(text: str) -> list[tuple[str, list[str]]]:
    """Rows with the name of their place: the header first."""
    first = text.split("\n", 1)[0]
    # A tab that separates is not quoted away; in a tab-separated file a quotation mark is just one.
    tabs = "\t" in first
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter="\t" if tabs else ",",
        quoting=csv.QUOTE_NONE if tabs else csv.QUOTE_MINIMAL,
        strict=True,
    )
    try:
        rows = [(f"Line {reader.line_num}", [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        raise InputError(
            f"Line {reader.line_num} of the file cannot be read as a table ({error}): correct it."
        ) from error
    return [row for row in rows if any(row[1])]


def _rows_of_json(text: str) -> list[tuple[str, list[str]]]:
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"Line {error.lineno} of the file is not JSON ({error.msg}): correct it.") from error
    except RecursionError as error:
        raise InputError(
            "The JSON in the file is nested too deeply: give one object, a list for each language."
        ) from error
    if isinstance(data, list) and data and all(isinstance(row, dict) for row in data):
        names = list(data[0])
        extra = next((f"Entry {i + 1}" for i, row in enumerate(data) if set(row) != set(names)), None)
        if extra:
            raise InputError(f"{extra} of the file has other languages than the first: give each the same names.")
        columns = {name: [row[name] for row in data] for name in names}
    elif isinstance(data, dict) and all(isinstance(column, list) for column in data.values()):
        columns = data
    else:
        raise InputError('The JSON is not a parallel text: give {"English": ["…", …], "Hindi": ["…", …]}.')
    for name, column in columns.items():
        if len(column) != len(next(iter(columns.values()))):
            raise InputError(f"{name!r} has {len(column)} sentences, another number than the first: give all the same.")
        odd = next((i for i, cell in enumerate(column) if not isinstance(cell, str)), None)
        if odd is not None:
            raise InputError(f"Sentence {odd + 1} of {name!r} is not text: put it in quotation marks.")
    header = ("The header", [name.strip() for name in columns])
    body = zip(*columns.values(), strict=True)
    return [header, *((f"Entry {i + 1}", [cell.strip() for cell in row]) for i, row in enumerate(body))]


def _checked(rows: list[tuple[str, list[str]]]) -> tuple[list[str], list[list[str]]]:
    if not rows or len(rows[0][1]) < 2:
        raise InputError("The file has fewer than two languages: put their names in the first line, one a column.")
    (place, names), body = rows[0], rows[1:]
    if not body:
        raise InputError("The file has no sentences: put them under the names of the languages.")
    if len(names) > _MAX_LANGUAGES or len(body) > _MAX_SENTENCES:
        raise InputError(
            f"The file has {len(names)} languages and {len(body)} sentences; give at most {_MAX_LANGUAGES} languages "
            f"and {_MAX_SENTENCES} sentences."
        )
    seen: set[str] = set()
    for name in names:
        if not name or name in seen:
            raise InputError(f"{place} of the file has the name {name!r} twice or empty: name each language once.")
        seen.add(name)
    for place, row in body:
        if len(row) > len(names):
            raise InputError(
                f"{place} of the file has {len(row)} cells for {len(names)} languages: remove what is too much."
            )
        missing = next((name for name, cell in zip(names, row + [""] * len(names), strict=False) if not cell), None)
        if missing is not None:
            raise InputError(f"{place} of the file has no sentence in {missing!r}: fill it in or remove the line.")
    return names, [row for _, row in body]


@cache
def _known_names() -> frozenset[str]:
    own = [language.own_name for language in parallel_languages()] + [sample.name for sample in code_samples()]
    return frozenset(name.casefold() for name in own)


def _check_languages(names: list[str], body: list[list[str]]) -> None:
    """Refuse a table of something else: at least half of the names must be languages, and the columns hold words."""
    what = "Give one column for each language, its name in the first line, and the same sentences in every column."
    others = [name for name in names if not is_language(name, _known_names())]
    if 2 * len(others) > len(names):
        listed = ", ".join(repr(name[:30]) for name in others[:3])
        verb = "is not a language" if len(others) == 1 else "are not languages"
        raise InputError(f"This is not a parallel file: {listed} {verb}. {what}")
    for i, name in enumerate(names):
        if 2 * sum(any(char.isalpha() for char in row[i]) for row in body) < len(body):
            raise InputError(f"This is not a parallel file: most cells of {name[:30]!r} have no letters. {what}")


def load_parallel(data: str | bytes) -> tuple[Language, ...]:
    r"""Read a parallel text: a column for each language, a row for each sentence.

    Args:
        data: tab-separated (with a tab in the first line), comma-separated, or JSON: an object of lists, or a list of
            objects. The first row of a table names the languages. UTF-8, at most 2 MB, 300 languages, 5,000 sentences.

    Returns:
        The languages in the order of the file; whether words are spaced is seen from the script.

    Raises:
        InvalidTextError: bytes that are not UTF-8; the sentence names the first one, its place from 0 and its line.
        InputError: too large, a missing cell, a name twice, or no such table; the sentence names the line. A table of
            anything else is refused as well: more than half of its columns are not named as a language is, or a column
            has hardly any letters.

    >>> [language.name for language in load_parallel("English\tFrançais\nGood evening.\tBonsoir.\n")]
    ['English', 'Français']
    >>> load_parallel("en,fr\nGood evening.,\n")
    Traceback (most recent call last):
    lmloupe.InputError: Line 2 of the file has no sentence in 'fr': fill it in or remove the line.
    """
    size = len(data) if isinstance(data, bytes) else len(data.encode("utf-8", "surrogatepass"))
    if size > MAX_PARALLEL_BYTES:
        raise InputError(f"The file has {size:,} bytes; give one of at most {MAX_PARALLEL_BYTES:,}.")
    text = _decoded(data) if isinstance(data, bytes) else data.removeprefix("\ufeff")
    rows = _rows_of_json(text) if text.lstrip()[:1] in ("{", "[") else _rows_of_table(text)
    names, body = _checked(rows)
    for cell in (*names, *(cell for row in body for cell in row)):
        check_text(cell)
    _check_languages(names, body)
    return languages_of({name: [row[i] for row in body] for i, name in enumerate(names)})
