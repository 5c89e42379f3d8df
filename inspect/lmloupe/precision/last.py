"""Run steps to their end, for who wants the last of them alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

__all__ = ["last_of"]

T = TypeVar("T")


def last_of(steps: Iterable[T], progress: Callable[[T], None] | None) -> T:
    """The last of some steps, of which there is at least one; ``progress`` is told each.

    >>> last_of([1, 2, 3], print)
    1
    2
    3
    3
    """
    found = None
    for found in steps:
        if progress is not None:
            progress(found)
    assert found is not None  # noqa: S101 - there is one at least
    return found
