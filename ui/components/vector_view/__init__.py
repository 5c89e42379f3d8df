"""A text's tokens in one row and the chosen token's vector below it, in the browser, twelve numbers at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ui.base import theme
from ui.components import kit

__all__ = ["picked_index", "vector_view"]

_HERE = Path(__file__).parent


_SIGNS = kit.colour_properties(
    {
        "below": (theme.DIVERGING_LIGHT[0], theme.DIVERGING_DARK[0]),
        "above": (theme.DIVERGING_LIGHT[-1], theme.DIVERGING_DARK[-1]),
    }
)
_render = kit.component("lmloupe_vector", _HERE / "vector_view.js", _HERE / "vector_view.css", colours=_SIGNS)


def vector_view(
    tokens: Sequence[str],
    special: Sequence[bool],
    chosen: int,
    token_id: int,
    vector: NDArray[np.float32],
    *,
    more: str,
    key: str,
    on_pick: Callable[[], None] = kit.nothing,
) -> None:
    """Draw the row and the strip.

    Args:
        tokens: labels of the text's tokens.
        special: which of them are special tokens.
        chosen: place of the one whose vector is shown.
        token_id: its id.
        vector: (width,).
        more: a sentence below the numbers.
        key: the widget's key.
        on_pick: called before the run that a click asks for; `picked_index` reads what was clicked.
    """
    data = {
        "tokens": list(tokens),
        "special": [bool(one) for one in special],
        "chosen": chosen,
        "id": token_id,
        "values": [float(value) for value in vector],
        "more": more,
    }
    _render(key=key, data=data, on_picked_change=on_pick)


def picked_index(key: str) -> int | None:
    """In ``on_pick``: the place that a click chose. It comes from a browser: check that there is such a token."""
    return kit.whole(kit.sent(key, "picked"), "index")
