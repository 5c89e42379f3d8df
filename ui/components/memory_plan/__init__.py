"""What a model takes on a card, drawn: bars with two sliders, a table of cards, equations, shares of parameters.

Python sends every size, for all positions of the sliders too; the scripts add up and draw, and compute no size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from ui.base import theme
from ui.base.glossary.entries import said_of
from ui.components import kit

__all__ = [
    "Cell",
    "Chosen",
    "Line",
    "PlanRow",
    "Positions",
    "State",
    "Worked",
    "chosen_in",
    "equations",
    "fits_matrix",
    "memory_plan",
    "shares",
]

_HERE = Path(__file__).parent
_COLOURS = kit.colour_properties({"cache": theme.CACHE, "work": theme.WORK})
_plan = kit.component(
    "lmloupe_memory_plan",
    _HERE / "memory_plan.js",
    kit.DRAWING,
    _HERE / "memory_plan.css",
    colours=_COLOURS,
)
_fits = kit.component("lmloupe_fits", _HERE / "fits.js", kit.DRAWING, _HERE / "fits.css")
_equations = kit.component(
    "lmloupe_equations",
    _HERE / "equations.js",
    kit.DRAWING,
    _HERE / "equations.css",
    colours=_COLOURS,
)
_shares = kit.component("lmloupe_shares", _HERE / "shares.js", kit.DRAWING, _HERE / "shares.css")

State = Literal["whole", "fits", "less", "no"]
"""The whole context fits, more than the chosen context does, less than it does, or nothing."""


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One precision. Sizes are bytes.

    Attributes:
        spec: how a link names it.
        label: its name.
        note: a few words beside it, or none.
        quantized: of the numbers of quantized matrices.
        constants: of their scales and tables.
        kept: of the weights that stay as they are.
        table: which of the tables of `Positions` holds its cache and its activations.
        chosen: whether it is the one that the page is about.
    """

    spec: str
    label: str
    note: str
    quantized: int
    constants: int
    kept: int
    table: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class Positions:
    """Where the two sliders can stand, and what that takes.

    Attributes:
        contexts: tokens for each sequence, ascending; the last is the most that the model reads.
        people: sequences at once, ascending.
        cache: bytes of the cache, [table][context][people].
        work: bytes of activations, [table][context][people].
    """

    contexts: Sequence[int]
    people: Sequence[int]
    cache: Sequence[Sequence[Sequence[int]]]
    work: Sequence[Sequence[Sequence[int]]]


@dataclass(frozen=True, slots=True)
class Cell:
    """One precision on one card: a state, a few characters, and a whole sentence."""

    state: State
    text: str
    title: str


@dataclass(frozen=True, slots=True)
class Line:
    """One card with a cell for each precision."""

    key: str
    name: str
    below: str
    chosen: bool
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Worked:
    """One part of the memory as it is computed.

    Attributes:
        kind: the part whose colour it has: quantized, constants, kept, cache or work;
            none for a sum that is no part of the bars.
        name: what it is.
        symbols: the equation's right side in words.
        numbers: the same with this model's numbers.
        result: the size as a person reads it.
        exact: all its digits, with the unit.
        rule: the rule of thumb with its numbers; "" for none.
        off: how far the rule is off here.
        note: what to know about it; "" for nothing.
    """

    kind: str
    name: str
    symbols: str
    numbers: str
    result: str
    exact: str
    rule: str = ""
    off: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a press or a slider asked for; None for what stays. It comes from a browser: check each."""

    precision: str | None = None
    card: str | None = None
    context: int | None = None
    sequences: int | None = None


def memory_plan(
    rows: Sequence[PlanRow],
    positions: Positions,
    *,
    context: int,
    sequences: int,
    most: int,
    card: str,
    memory: int,
    reserve: int,
    end: int,
    of: str,
    key: str,
    on_choose: Callable[[], None] = kit.nothing,
) -> None:
    """Draw the bars and the sliders.

    Args:
        rows: the precisions from the top, one of them chosen.
        positions: of the sliders; the chosen context and number of people are among them.
        context: tokens for each sequence.
        sequences: people at once.
        most: people that can be written beside the slider.
        card: its name.
        memory: of the card, in bytes.
        reserve: bytes of it that are left to others.
        end: of the axis, in bytes.
        of: names the model and the card: sliders that a person holds keep their place until it changes.
        key: the widget's key.
        on_choose: called before the run that a press or a slider asks for; `chosen_in` reads what it was.
    """
    data = {
        "of": of,
        "rows": [asdict(row) for row in rows],
        "tables": [{"cache": c, "work": w} for c, w in zip(positions.cache, positions.work, strict=True)],
        "reserve": reserve,
        "contexts": list(positions.contexts),
        "people": list(positions.people),
        "context": context,
        "sequences": sequences,
        "most": most,
        "card": {"name": card, "memory": memory},
        "end": end,
    }
    _plan(key=key, data=data, on_chose_change=on_choose)


def fits_matrix(
    columns: Sequence[tuple[str, str, bool]],
    lines: Sequence[Line],
    meanings: Sequence[tuple[State, str]],
    *,
    label: str,
    key: str,
    on_choose: Callable[[], None] = kit.nothing,
) -> None:
    """Draw the table of cards (lines) and precisions (columns: spec, label, chosen); otherwise as `memory_plan`."""
    if any(len(line.cells) != len(columns) for line in lines):
        raise ValueError(f"every line must have {len(columns)} cells, one for each column")
    data = {
        "label": label,
        "columns": [{"spec": spec, "label": name, "chosen": chosen} for spec, name, chosen in columns],
        "lines": [asdict(line) for line in lines],
        "meanings": [list(meaning) for meaning in meanings],
    }
    _fits(key=key, data=data, on_chose_change=on_choose)


def equations(worked: Sequence[Worked], *, key: str) -> None:
    """Draw the equations, each with its rule of thumb."""
    _equations(key=key, data={"worked": [asdict(one) | {"says": said_of(one.name)} for one in worked]})


def shares(parts: Sequence[tuple[str, int, str]], *, label: str, key: str) -> None:
    """Draw parts (name, how many, in words) that make a whole as one bar."""
    _shares(key=key, data={"label": label, "parts": [{"name": n, "n": k, "words": w} for n, k, w in parts]})


def chosen_in(key: str) -> Chosen:
    """In ``on_choose``: what was asked for in the view with this key."""
    given = kit.sent(key, "chose")
    if not isinstance(given, dict):
        return Chosen()
    precision, card = given.get("precision"), given.get("card")
    return Chosen(
        precision if isinstance(precision, str) else None,
        card if isinstance(card, str) else None,
        kit.whole(given, "context"),
        kit.whole(given, "sequences"),
    )
