"""A panic of the tokenizers library made an error that can be shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from lmloupe.errors import TokenizerFailedError
from lmloupe.names import shown

__all__ = ["gave_up", "no_panic"]

# Oniguruma's own limits, as it names them.
_OF_A_PATTERN = re.compile(r"retry-limit|match-stack|subexp-call|time-limit|Onig", re.IGNORECASE)


@contextmanager
def no_panic(name: str) -> Iterator[None]:
    """Turn a panic inside the block into a `TokenizerFailedError`.

    A pattern that gives up panics in Rust and arrives as ``pyo3_runtime.PanicException``, a `BaseException` that cannot
    be imported and that no ``except Exception`` catches.

    Args:
        name: the tokenizer's, for the message.
    """
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise TokenizerFailedError(gave_up(name, str(error))) from error


def gave_up(name: str, words: str, pattern: str | None = None) -> str:
    """The message for a panic: its own words, and a pattern is blamed only where they speak of one.

    >>> gave_up("a.json", "byte index 1 is not a char boundary")
    "The tokenizers library failed on this text with the rules of 'a.json' (byte index 1 is not a char boundary): \
try another text, or correct the file."
    """
    said = " ".join(words.split())[:160]
    if not _OF_A_PATTERN.search(words):
        return (
            f"The tokenizers library failed on this text with the rules of {shown(name)} ({said}): "
            "try another text, or correct the file."
        )
    culprit = "its pattern" if pattern is None else f"its pattern {shown(pattern)}"
    return (
        f"The tokenizers library gave up on {shown(name)} ({said}): {culprit} goes back too often on this text; "
        "try another text, or correct the file."
    )
