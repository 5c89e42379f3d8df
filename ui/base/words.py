"""Write counts and shares: one token, two tokens; 94.4%, 0.0007%."""

from __future__ import annotations

import math

__all__ = ["counted", "more_than", "percent", "places", "probability"]

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def counted(n: int, one: str, many: str = "") -> str:
    """A number and its noun, singular for 1; ``many`` is the plural where it is not ``one`` with an s.

    >>> counted(1, "token"), counted(1200, "token"), counted(0, "matrix", "matrices")
    ('1 token', '1,200 tokens', '0 matrices')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def percent(share: float) -> str:
    """A share of 0 to 1 in whole percent.

    >>> percent(0.8149), percent(0.004), percent(0.998), percent(0.0), percent(1.0)
    ('81%', '<1%', '>99%', '0%', '100%')
    """
    if 0.995 < share < 1:
        return ">99%"
    return "<1%" if 0 < share < 0.005 else f"{share:.0%}"


def more_than(times: float) -> str:
    """How much more the larger of two is, in whole percent; ``times`` the smaller, at least 1.

    >>> more_than(1.33), more_than(1.0001), more_than(4)
    ('33%', 'less than 1%', '300%')
    """
    return "less than 1%" if 1 < times < 1.01 else f"{times - 1:.0%}"


def places(start: int, end: int) -> str:
    """A half-open pair of places that counts from 0, as a person counts: from 1, the last one included.

    >>> places(1, 9), places(4, 5), places(3, 3)
    ('2–9', '5', 'before 4')
    """
    if start == end:
        return f"before {start + 1:,}"
    return f"{end:,}" if end == start + 1 else f"{start + 1:,}–{end:,}"


def probability(p: float) -> str:
    """A probability as percent, never rounded to 0 or to 1 where it is neither.

    >>> probability(0.9442), probability(0.05), probability(7.2e-6), probability(4e-12)
    ('94.4%', '5.0%', '0.0007%', '4 × 10⁻¹⁰%')
    >>> probability(0), probability(1), probability(0.99997), probability(1 - 1e-9)
    ('0%', '100%', '99.997%', '>99.999%')
    """
    percent = 100 * p
    if p in (0, 1):
        return f"{percent:.0f}%"
    if p >= 0.9995:
        return ">99.999%" if p > 0.99999 else f"{math.floor(1e5 * p) / 1e3:.3f}".rstrip("0") + "%"
    if p >= 0.001:
        return f"{percent:.1f}%"
    figures, exponent = f"{percent:.0e}".split("e")
    if int(exponent) >= -5:
        return f"{percent:.{-int(exponent)}f}%"
    return f"{figures} × 10{str(int(exponent)).translate(_RAISED)}%"
