"""The mark of the token whose card is open: drawn beside the card, it tells the token view as long as it is there."""

from __future__ import annotations

from pathlib import Path

from ui.components import kit

__all__ = ["show_pin"]

_HERE = Path(__file__).parent
_render = kit.component("lmloupe_token_pin", _HERE / "pin.js")


def show_pin(key: str, row: int, index: int) -> None:
    """Mark a token in the view with this key as the one whose card is open, as long as the page draws this.

    Args:
        key: of the token view.
        row: number of the row, from 0.
        index: place of the token in that row, from 0.
    """
    _render(key=f"{key}_pin", data={"key": key, "row": row, "index": index})
