"""Several aligned bar charts that share their rows: a table of HTML with a bar in each cell, which a phone stacks.

Names go through ``textContent``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ui.components import kit

__all__ = ["BarCell", "BarRow", "bar_table"]

_HERE = Path(__file__).parent
_render = kit.component("lmloupe_bar_table", _HERE / "bar_table.js", kit.DRAWING, _HERE / "bar_table.css")


@dataclass(frozen=True, slots=True)
class BarCell:
    """One bar.

    Attributes:
        value: its length, from 0; None where it is not known.
        text: the number as people read it, with its unit; what is said in its place where it is not known.
        below: a few words under it.
        low, high: the spread, drawn as a line over the end of the bar; None for none.
        hover: the arithmetic of the number.
    """

    value: float | None
    text: str
    below: str = ""
    low: float | None = None
    high: float | None = None
    hover: str = ""


@dataclass(frozen=True, slots=True)
class BarRow:
    """One row: its name, whether it is stored in fewer bits (orange), and a bar for each column."""

    name: str
    is_quantized: bool
    cells: Sequence[BarCell]


def bar_table(rows: Sequence[BarRow], columns: Sequence[str], *, label: str, key: str) -> None:
    """Draw the table; each column has its own axis from 0 to its longest bar.

    Args:
        rows: from the top.
        columns: headings with their units.
        label: what the table is called.
        key: the widget's key.
    """
    if any(len(row.cells) != len(columns) for row in rows):
        raise ValueError(f"every row must have {len(columns)} cells, one for each column")
    _render(key=key, data={"rows": [asdict(row) for row in rows], "columns": list(columns), "label": label})
