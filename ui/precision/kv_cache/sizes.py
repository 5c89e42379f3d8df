"""Bytes and seconds in words."""

from __future__ import annotations

__all__ = ["seconds", "size", "unit_of"]

_UNITS = ((10**9, "GB"), (10**6, "MB"), (10**3, "kB"))


def unit_of(most: float) -> tuple[int, str]:
    """The unit that an axis up to this many bytes is written in, and its bytes.

    >>> unit_of(2_903_040), unit_of(1)
    ((1000000, 'MB'), (1, 'bytes'))
    """
    return next(((n, name) for n, name in _UNITS if most >= n), (1, "bytes"))


def size(n: int) -> str:
    """Bytes with two or three figures.

    >>> size(46_080), size(2_903_040), size(377_487_360), size(1_610_612_736), size(512)
    ('46,080 bytes', '2.9 MB', '377 MB', '1.6 GB', '512 bytes')
    """
    if n < 100_000:
        return f"{n:,} bytes"
    unit, name = unit_of(n)
    value = n / unit
    return f"{value:,.0f} {name}" if value >= 99.5 else f"{value:.1f} {name}"


def seconds(t: float) -> str:
    """A time in the unit that suits it.

    >>> seconds(0.0312), seconds(1.27), seconds(83)
    ('31 ms', '1.3 s', '83 s')
    """
    if t < 0.9995:
        return f"{1000 * t:.0f} ms" if t >= 0.01 else f"{1000 * t:.1f} ms"
    return f"{t:.1f} s" if t < 9.95 else f"{t:,.0f} s"
