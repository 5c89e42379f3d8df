"""Several prompts as the rectangle that a model reads: a row a prompt, a column a place, the padding hatched.

It is a table of HTML, so that it can be read aloud, scrolled on a phone and printed; texts go through ``textContent``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ui.components import kit

__all__ = ["BatchCell", "BatchRow", "batch_grid"]

_HERE = Path(__file__).parent
_render = kit.component("lmloupe_batch_grid", _HERE / "batch_grid.js", kit.DRAWING, _HERE / "batch_grid.css")


@dataclass(frozen=True, slots=True)
class BatchCell:
    """One place of the rectangle.

    Attributes:
        label: the token's name on the screen.
        id: of the token.
        position: the place that the model was told it has; -1 where it is told none.
        pad: whether it was put there to fill the rectangle.
        seen: what the attention mask says: whether the model may look at it.
    """

    label: str
    id: int
    position: int
    pad: bool
    seen: bool


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One prompt.

    Attributes:
        name: its heading.
        alone: what comes next after the prompt alone, with its probability, as words.
        batch: the same in the batch.
        moved: how far the batch moved it, as words.
        changed: whether another token is the most probable one.
        cells: all of one length.
    """

    name: str
    alone: str
    batch: str
    moved: str
    changed: bool
    cells: Sequence[BatchCell]


def batch_grid(rows: Sequence[BatchRow], *, label: str, key: str) -> None:
    """Draw the rectangle; its last column, which the next token is drawn from, is outlined.

    Args:
        rows: from the top.
        label: what the table is called.
        key: the widget's key.
    """
    if len({len(row.cells) for row in rows}) > 1:
        raise ValueError("every row must have as many cells as the others")
    _render(key=key, data={"rows": [asdict(row) for row in rows], "label": label})
