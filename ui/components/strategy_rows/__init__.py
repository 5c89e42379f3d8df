"""Texts that several strategies wrote from one prompt, row under row: numbers beside the tokens as boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ui.base.glossary.entries import said_of
from ui.components import kit
from ui.components.stream_view import StreamToken

__all__ = ["StrategyRow", "strategy_rows"]

_HERE = Path(__file__).parent
_BOXES = _HERE.parent / "stream_view" / "stream_view.css"
_render = kit.component(
    "lmloupe_strategy_rows", _HERE / "strategy_rows.js", kit.DRAWING, _BOXES, _HERE / "strategy_rows.css"
)


@dataclass(frozen=True, slots=True)
class StrategyRow:
    """One text.

    Attributes:
        name: of the strategy.
        facts: its numbers in a few words each, the most important first.
        tokens: the text.
        same: how many tokens at its beginning are those of the text that all are compared with.
        badge: a word beside the name, such as "most probable"; empty for none.
        note: a sentence in place of the text, or after it; empty for none.
        writing: whether more is to come.
    """

    name: str
    facts: Sequence[str]
    tokens: Sequence[StreamToken]
    same: int = 0
    badge: str = ""
    note: str = ""
    writing: bool = False


def strategy_rows(rows: Sequence[StrategyRow], *, base: str, key: str) -> None:
    """Draw the texts.

    Args:
        rows: from the top.
        base: name of the text that ``same`` compares with; empty for none.
        key: the widget's key.
    """
    data = [
        {
            "name": row.name,
            "says": said_of(row.name),
            "facts": list(row.facts),
            "tokens": [token.packed() for token in row.tokens],
            "same": row.same,
            "badge": row.badge,
            "note": row.note,
            "writing": row.writing,
        }
        for row in rows
    ]
    _render(key=key, data={"rows": data, "base": base})
