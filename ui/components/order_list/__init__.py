"""A list whose order a person changes: by dragging a row, with its arrows, or with Alt and the arrow keys.

``order_list.js`` draws HTML with ``textContent`` alone and sends the names in their new order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ui.components import kit

__all__ = ["Ordered", "order_in", "order_list"]

_HERE = Path(__file__).parent
_render = kit.component("lmloupe_order_list", _HERE / "order_list.js", kit.DRAWING, _HERE / "order_list.css")


@dataclass(frozen=True, slots=True)
class Ordered:
    """One row: its name in the program, its label, what is written at its end, and whether it is drawn in full ink."""

    name: str
    label: str
    note: str
    strong: bool


def order_list(rows: Sequence[Ordered], *, label: str, key: str, on_move: Callable[[], None] = kit.nothing) -> None:
    """Draw the list.

    Args:
        rows: from the first.
        label: what the list is called.
        key: the widget's key.
        on_move: called when a row was moved; `order_in` has the new order.
    """
    _render(key=key, data={"rows": [asdict(row) for row in rows], "label": label}, on_moved_change=on_move)


def order_in(key: str) -> tuple[str, ...] | None:
    """The names in the order that a browser sent, whether or not all are there; None where it sent none."""
    sent = kit.sent(key, "moved")
    if not isinstance(sent, list) or not all(isinstance(name, str) for name in sent):
        return None
    return tuple(sent)
