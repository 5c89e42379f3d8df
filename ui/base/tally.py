"""What this process has counted since it started: errors, runs of pages. Nothing of what a person typed."""

from __future__ import annotations

import threading
from collections.abc import Mapping

__all__ = ["add", "counts"]

_lock = threading.Lock()
_counts: dict[str, dict[str, float]] = {}


def add(what: str, kind: str = "", by: float = 1) -> None:
    """Count once more, or by a number that is not negative.

    Args:
        what: what is counted, one of few names.
        kind: which sort of it, one of few names too: a text of a person would be kept for ever.
        by: how much is added.
    """
    with _lock:
        kinds = _counts.setdefault(what, {})
        kinds[kind] = kinds.get(kind, 0) + by


def counts(what: str) -> Mapping[str, float]:
    """The counts by kind, as they are now.

    >>> add("examples", "first"), add("examples", "first"), counts("examples")["first"]
    (None, None, 2)
    """
    with _lock:
        return dict(_counts.get(what, {}))
