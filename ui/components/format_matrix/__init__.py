"""A matrix of numbers over tokens: one row a format, one column a token, the number in the cell and as its shade.

It is a table of HTML, so that it can be read aloud, scrolled on a phone and printed; texts go through ``textContent``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ui.components import kit

__all__ = ["MatrixRow", "format_matrix"]

_HERE = Path(__file__).parent
_render = kit.component("lmloupe_format_matrix", _HERE / "format_matrix.js", kit.DRAWING, _HERE / "format_matrix.css")


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One row.

    Attributes:
        name: its heading.
        below: a few words under it.
        values: one number a column, from 0.
    """

    name: str
    below: str
    values: Sequence[float]


def format_matrix(rows: Sequence[MatrixRow], columns: Sequence[str], *, label: str, unit: str, key: str) -> None:
    """Draw the matrix; the strongest shade is the largest of all values.

    Args:
        rows: from the top; the first is the one that the others are held against.
        columns: the tokens, white space as signs.
        label: what the table is called.
        unit: of the numbers, such as ``bits``.
        key: the widget's key.
    """
    if any(len(row.values) != len(columns) for row in rows):
        raise ValueError(f"every row must have {len(columns)} values, one for each column")
    data = {
        "rows": [(row.name, row.below, [round(float(value), 3) for value in row.values]) for row in rows],
        "columns": list(columns),
        "label": label,
        "unit": unit,
    }
    _render(key=key, data=data)
