"""Paired timing and the table: what every subject shares.

A ratio means something only when both sides met the same machine. So ours and the floor take turns, the order swaps
from round to round, and what is reported is the median of the rounds' ratios: one slow moment spoils one round.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Literal

__all__ = ["Paired", "Row", "as_json", "none_of", "paired", "skipped", "table", "together"]

HEADINGS = ("what", "ours", "floor", "ratio", "target", "", "held against")


@dataclass(frozen=True, slots=True)
class Paired:
    """What two calls took, round by round.

    Attributes:
        times: one pair a round, ours and the floor, in seconds.
    """

    times: tuple[tuple[float, float], ...]

    @property
    def ours_s(self) -> float:
        """Median over the rounds."""
        return median(ours for ours, _ in self.times)

    @property
    def floor_s(self) -> float:
        """Median over the rounds."""
        return median(floor for _, floor in self.times)

    @property
    def ratio(self) -> float:
        """Median of the rounds' own ratios, ours to the floor; not the ratio of the two medians."""
        return median(ours / floor for ours, floor in self.times)

    @property
    def spread(self) -> str:
        """Lowest and highest of the rounds' ratios, in words for a note."""
        return _spread([ours / floor for ours, floor in self.times])

    @property
    def inverse_spread(self) -> str:
        """The same of floor to ours, for a row about rates."""
        return _spread([floor / ours for ours, floor in self.times])


def _spread(ratios: Sequence[float]) -> str:
    return f"{len(ratios)} rounds from {min(ratios):.2f} to {max(ratios):.2f}"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        what: what was measured.
        ours: our number in ``unit``; None where the row was skipped.
        floor: the number it is held against, in the same unit; None where there is none.
        floor_name: what that is.
        unit: ``"s"``, ``"ms"``, ``"MB"``, ``"tokens/s"``, ``"GB/s"``, ``"modules"``.
        ratio: ours to floor; None without a floor.
        target: what is asked for; None for a row that only reports.
        judged: which number the target speaks of.
        sense: on which side of the target is good.
        note: why it was skipped, or what a reader should know.
    """

    what: str
    ours: float | None
    floor: float | None = None
    floor_name: str = ""
    unit: str = "s"
    ratio: float | None = None
    target: float | None = None
    judged: Literal["ratio", "ours"] = "ratio"
    sense: Literal["at most", "at least"] = "at most"
    note: str = ""

    @property
    def verdict(self) -> str:
        """``"ok"``, ``"misses"``, ``"skipped"``, or nothing for a row that only reports."""
        if self.ours is None:
            return "skipped"
        value = self.ratio if self.judged == "ratio" else self.ours
        if self.target is None or value is None:
            return ""
        return "ok" if (value <= self.target if self.sense == "at most" else value >= self.target) else "misses"


def paired(
    ours: Callable[[], object],
    floor: Callable[[], object],
    *,
    rounds: int,
    warm_up: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> Paired:
    """Time two calls in turns.

    Args:
        ours: the call of this project.
        floor: the bare call that does the same work.
        rounds: pairs that count.
        warm_up: pairs before them that do not.
        clock: seconds.
    """
    times: list[tuple[float, float]] = []
    for number in range(warm_up + rounds):
        calls = (ours, floor) if number % 2 == 0 else (floor, ours)
        taken = []
        for call in calls:
            began = clock()
            call()
            taken.append(clock() - began)
        if number >= warm_up:
            times.append((taken[0], taken[1]) if number % 2 == 0 else (taken[1], taken[0]))
    return Paired(tuple(times))


def together(parts: Sequence[Paired]) -> Paired:
    """The parts as one piece of work: their times added within each round."""
    rounds = zip(*(part.times for part in parts), strict=True)
    return Paired(tuple((sum(a for a, _ in pairs), sum(b for _, b in pairs)) for pairs in rounds))


def rate(
    what: str, n: float, got: Paired, floor_name: str, target: float, *, unit: str = "tokens/s", note: str = ""
) -> Row:
    """The row of something of which both sides make ``n`` , the more a second the better; ``unit`` is of the rate."""
    return Row(
        what, n / got.ours_s, n / got.floor_s, floor_name,
        unit=unit, ratio=1 / got.ratio, target=target, sense="at least", note=note,
    )  # fmt: skip


def skipped(what: str, reason: str) -> Row:
    """A row that could not be measured here, with its reason."""
    return Row(what, None, note=reason)


def none_of(what: str, names: Sequence[str], found: Sequence[str]) -> Row:
    """How many of the modules with these names were found loaded, where none should be."""
    note = f"looked for {', '.join(names)}" + (f"; FOUND {', '.join(found)}" if found else "")
    return Row(what, len(found), unit="modules", target=0, judged="ours", note=note)


def table(rows: Sequence[Row]) -> str:
    """The rows as one text table, numbers to the right; notes follow below it."""
    cells = [HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADINGS))]
    lines = [
        "  ".join(
            text.rjust(width) if 1 <= column <= 4 else text.ljust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    notes = [f"  {row.what}: {row.note}" for row in rows if row.note]
    return "\n".join([*lines, *(["", "Notes", *notes] if notes else [])])


def as_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows as plain data, with their verdicts."""
    return [asdict(row) | {"verdict": row.verdict} for row in rows]


def _cells(row: Row) -> tuple[str, ...]:
    limit = ""
    if row.target is not None:
        sign = "≤" if row.sense == "at most" else "≥"
        limit = f"{sign} {row.target:g}" + (f" {row.unit}" if row.judged == "ours" else "")
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    return (
        row.what,
        _quantity(row.ours, row.unit),
        _quantity(row.floor, row.unit),
        ratio,
        limit,
        row.verdict,
        row.floor_name,
    )


def _quantity(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    number = f"{value:.0f}" if abs(value) >= 100 or float(value).is_integer() else f"{value:.3g}"
    return f"{number} {unit}".rstrip()
