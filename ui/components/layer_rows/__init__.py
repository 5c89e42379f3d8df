"""A model's layers as rows: a cell for each matrix, and a bar for what changing the layer does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from ui.components import kit

__all__ = ["Cell", "LayerRow", "Mark", "layer_rows", "picked_place"]

_HERE = Path(__file__).parent
_render = kit.component("lmloupe_layer_rows", _HERE / "layer_rows.js", kit.DRAWING, _HERE / "layer_rows.css")


@dataclass(frozen=True, slots=True)
class Cell:
    """One matrix: a share of 0 to 1 for the shade, or None before it is known; its text; the words about it."""

    share: float | None
    text: str
    says: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A bar: its share of the axis, cut where that is more than 1; the text at its end; the words about it."""

    share: float
    text: str
    says: str


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One layer: its label, its number, a cell for each column or None where it has no such matrix, and its bar."""

    label: str
    layer: int
    cells: tuple[Cell | None, ...]
    bar: Mark | None


def layer_rows(
    columns: Sequence[tuple[str, str]],
    rows: Sequence[LayerRow],
    *,
    foot: tuple[str, Sequence[Mark | None], Mark | None],
    mark: float | None,
    titles: tuple[str, str],
    picked: tuple[int, int],
    name: str,
    key: str,
    on_pick: Callable[[], None] = kit.nothing,
) -> None:
    """Draw the rows.

    Args:
        columns: of the cells, a short name and a long one each.
        rows: from the top.
        foot: the last row, of all layers together: its label, a mark under each column, and its bar.
        mark: share of the axis at which a line goes through the bars; None for none.
        titles: over the cells, and over the bars.
        picked: layer and column that are marked; the column after the last is the bar.
        name: what the picture is, in words.
        key: the widget's key.
        on_pick: called before the run that a press asks for; `picked_place` reads what was pressed.
    """
    label, marks, whole = foot
    places = {row.layer: i for i, row in enumerate(rows)}
    data = {
        "name": name,
        "columns": [list(column) for column in columns],
        "rows": [
            {
                "label": row.label,
                "layer": row.layer,
                "cells": [_plain(cell) for cell in row.cells],
                "bar": _plain(row.bar),
            }
            for row in rows
        ],
        "foot": {"label": label, "cells": [_plain(one) for one in marks], "bar": _plain(whole)},
        "mark": mark,
        "titles": list(titles),
        "picked": [places.get(picked[0], 0), picked[1]],
    }
    _render(key=key, data=data, on_picked_change=on_pick)


def _plain(one: Cell | Mark | None) -> list[object] | None:
    return None if one is None else list(astuple(one))


def picked_place(key: str) -> tuple[int, int] | None:
    """In ``on_pick``: layer and column that were pressed. They come from a browser: check that they are there."""
    sent = kit.sent(key, "picked")
    layer, column = kit.whole(sent, "layer"), kit.whole(sent, "column")
    return None if layer is None or column is None else (layer, column)
