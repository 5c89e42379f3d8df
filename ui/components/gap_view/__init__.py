"""A sentence with a gap as each model sees it, and candidates in rank order side by side, joined by lines.

Texts go through ``textContent``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ui.components import kit

__all__ = ["RankColumn", "RankItem", "Strip", "gap_view"]

_HERE = Path(__file__).parent
_render = kit.component("lmloupe_gap_view", _HERE / "gap_view.js", kit.DRAWING, _HERE / "gap_view.css")


@dataclass(frozen=True, slots=True)
class Strip:
    """The sentence as one model reads it.

    Attributes:
        name: of the model.
        left: its tokens before the gap, as labels.
        gap: what it holds most probable in the gap.
        right: its tokens after the gap.
        sees_right: whether they are hidden from it.
        note: a few words on why.
    """

    name: str
    left: Sequence[str]
    gap: str
    right: Sequence[str]
    sees_right: bool
    note: str


@dataclass(frozen=True, slots=True)
class RankItem:
    """One candidate in one column: its name, its share of 0 to 1, the share in words, and the arithmetic behind it."""

    name: str
    share: float
    text: str
    hover: str = ""


@dataclass(frozen=True, slots=True)
class RankColumn:
    """One way to score the candidates; all columns have the same ones.

    Attributes:
        title: what the score goes by.
        below: how it is computed, in a few words.
        items: best first.
    """

    title: str
    below: str
    items: Sequence[RankItem]


def gap_view(strips: Sequence[Strip], columns: Sequence[RankColumn], *, label: str, key: str) -> None:
    """Draw the sentence for each model, and under it the columns.

    Args:
        strips: one for each model.
        columns: from the left.
        label: what the picture is called.
        key: the widget's key.
    """
    if len({frozenset(item.name for item in column.items) for column in columns}) > 1:
        raise ValueError("every column must have the same candidates")
    data = {"strips": [asdict(one) for one in strips], "columns": [asdict(one) for one in columns], "label": label}
    _render(key=key, data=data)
