"""Write counts: one token, two tokens."""

from __future__ import annotations

__all__ = ["counted"]


def counted(n: int, one: str, many: str = "") -> str:
    """A number and its noun, singular for 1; ``many`` is the plural where it is not ``one`` with an s.

    >>> counted(1, "token"), counted(1200, "token"), counted(0, "matrix", "matrices")
    ('1 token', '1,200 tokens', '0 matrices')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"
