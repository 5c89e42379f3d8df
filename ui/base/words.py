"""Write counts: one token, two tokens."""

from __future__ import annotations

__all__ = ["counted", "percent", "places"]


def counted(n: int, one: str, many: str = "") -> str:
    """A number and its noun, singular for 1; ``many`` is the plural where it is not ``one`` with an s.

    >>> counted(1, "token"), counted(1200, "token"), counted(0, "matrix", "matrices")
    ('1 token', '1,200 tokens', '0 matrices')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def percent(share: float) -> str:
    """A share of 0 to 1 in whole percent.

    >>> percent(0.8149), percent(0.004), percent(0.0), percent(1.0)
    ('81 %', '<1 %', '0 %', '100 %')
    """
    return "<1 %" if 0 < share < 0.005 else f"{100 * share:.0f} %"


def places(start: int, end: int) -> str:
    """A half-open pair of places that counts from 0, as a person counts: from 1, the last one included.

    >>> places(1, 9), places(4, 5), places(3, 3)
    ('2–9', '5', 'before 4')
    """
    if start == end:
        return f"before {start + 1:,}"
    return f"{end:,}" if end == start + 1 else f"{start + 1:,}–{end:,}"
