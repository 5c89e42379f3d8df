"""Whether two sides understand each other: a short text of all questions and all that may come back."""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
from functools import cache
from typing import Any, get_args, get_type_hints

from lmloupe.cluster.messages import Hello, News, Started
from lmloupe.cluster.questions import QUESTIONS

__all__ = ["fingerprint"]


@cache
def fingerprint() -> str:
    """Sixteen hexadecimal digits that change with a question's signature or with a field of what crosses.

    >>> len(fingerprint())
    16
    """
    known: dict[str, tuple[str, ...]] = {}
    for kind in (Hello, News, Started):
        _collect(kind, known)
    for name, question in QUESTIONS.items():
        known[name] = (str(inspect.signature(question.asked)),)
        for hint in get_type_hints(question.asked).values():
            _collect(hint, known)
    return hashlib.sha256(repr(sorted(known.items())).encode()).hexdigest()[:16]


def _collect(hint: Any, known: dict[str, tuple[str, ...]]) -> None:
    """Note the dataclasses of this library in a hint, and those in their fields."""
    for inner in (*get_args(hint), *getattr(hint, "__orig_bases__", ())):
        _collect(inner, known)
    name = f"{getattr(hint, '__module__', '')}:{getattr(hint, '__qualname__', '')}"
    if dataclasses.is_dataclass(hint) and name.startswith("lmloupe.") and name not in known:
        known[name] = tuple(f"{field.name}: {field.type}" for field in dataclasses.fields(hint))
        for inner in get_type_hints(hint).values():
            _collect(inner, known)
