"""The syntax tree of Python that somebody pastes, prompts and prose around it or not."""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from collections.abc import Iterator

from lmloupe.errors import InvalidSettingError
from lmloupe.precision.explain.check import DEFAULTS
from lmloupe.precision.explain.methods import CLASSES

__all__ = ["BITSANDBYTES_CLASS", "not_read", "parsed"]

BITSANDBYTES_CLASS = "BitsAndBytesConfig"
_CALL = re.compile(r"\b(?:" + "|".join((BITSANDBYTES_CLASS, *CLASSES)) + r")\s*\(")
_MARKS = re.compile(r"^(\s*)(?:>>> ?|\.\.\. ?|[!%].*$)", re.MULTILINE)


def parsed(text: str) -> ast.AST:
    """The syntax tree of the text; of the first config in it where the rest is no Python, at its own lines."""
    first: InvalidSettingError | None = None
    for attempt in _attempts(text):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of escapes in strings of the text
                return ast.parse(attempt)
        except SyntaxError as error:
            first = first or not_read(error.lineno or 1, error.offset or 1, str(error.msg))
        except ValueError as error:
            first = first or InvalidSettingError(f"The text cannot be read: {error}.")
    raise first or InvalidSettingError("The text cannot be read.")


def _attempts(text: str) -> Iterator[str]:
    """The text; without prompts, magic commands and indentation; its first config; its settings alone."""
    yield text
    cleaned = textwrap.dedent(_MARKS.sub(r"\1", text)).strip("\n ,")
    before = text[: len(text) - len(text.lstrip("\n"))].count("\n")
    yield "\n" * before + cleaned
    call = _CALL.search(text)
    if call is not None:
        end = _closing(text, call.end())
        if end is not None:
            yield "\n" * text[: call.start()].count("\n") + text[call.start() : end]
    elif any(name in text for name in DEFAULTS):
        yield f"{BITSANDBYTES_CLASS}({cleaned}\n)"


def _closing(text: str, start: int) -> int | None:
    """Just after the bracket that closes the one before ``start``; None where none does."""
    depth, at = 1, start
    token = re.compile(r"""#[^\n]*|('{3}|"{3})(?s:.*?)\1|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|[()\[\]{}]""")
    while match := token.search(text, at):
        at = match.end()
        if match.group() in ("(", "[", "{"):
            depth += 1
        elif match.group() in (")", "]", "}"):
            depth -= 1
            if not depth:
                return at
    return None


def not_read(line: int, column: int, reason: str) -> InvalidSettingError:
    """The error for a text that is neither Python nor JSON, with its place; both count from 1."""
    said = reason[:1].lower() + reason[1:].rstrip(".")
    return InvalidSettingError(
        f"Line {line}, column {column}: this is neither Python nor JSON ({said}). Paste the config as it stands in the "
        "script or in config.json."
    )
