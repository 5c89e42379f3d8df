"""Search with RE2, whose time is linear in the text: what is pasted may be a megabyte of anything."""

from __future__ import annotations

from functools import cache
from typing import Any

__all__ = ["compiled", "searched"]


@cache
def compiled(pattern: str) -> Any:
    """A pattern of RE2, for bytes."""
    import re2  # type: ignore[import-untyped]

    return re2.compile(pattern)


def searched(pattern: str, data: bytes) -> Any:
    """The first match in UTF-8 bytes, None where there is none."""
    return compiled(pattern).search(data)
