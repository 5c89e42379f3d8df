"""Keys and values of one head as two pictures side by side, a row for each token, with the number under the pointer."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ui.base import theme
from ui.components import kit

__all__ = ["Picture", "cache_view", "picked_token"]

_HERE = Path(__file__).parent
_SIGNS = kit.colour_properties(
    {
        "below": (theme.DIVERGING_LIGHT[0], theme.DIVERGING_DARK[0]),
        "above": (theme.DIVERGING_LIGHT[-1], theme.DIVERGING_DARK[-1]),
    }
)
_render = kit.component("lmloupe_cache", _HERE / "cache_view.js", _HERE / "cache_view.css", colours=_SIGNS)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One matrix.

    Attributes:
        name: such as "Keys".
        values: (n, width), a row for each token that is drawn.
        pair_of: (width,), the dimension that is turned with each, -1 for none; empty where nothing is turned.
        radians: (width,), how far from token to token; empty as ``pair_of``.
    """

    name: str
    values: NDArray[np.float32]
    pair_of: NDArray[np.int32]
    radians: NDArray[np.float32]


def cache_view(
    tokens: Sequence[str],
    special: Sequence[bool],
    first: int,
    chosen: int,
    pictures: Sequence[Picture],
    *,
    name: str,
    key: str,
    on_pick: Callable[[], None] = kit.nothing,
) -> None:
    """Draw the pictures; the pointer and the arrow keys say the number of a place, a click chooses its token.

    Args:
        tokens: labels of the rows.
        special: which of them are special tokens.
        first: position of the first row in the text.
        chosen: position of the token that is marked; it need not be among the rows.
        pictures: one or two.
        name: what is drawn, in words.
        key: the widget's key.
        on_pick: called before the run that a click asks for; `picked_token` reads what was clicked.
    """
    data = {
        "name": name,
        "tokens": list(tokens),
        "special": [bool(one) for one in special],
        "first": first,
        "chosen": chosen - first,
        "pictures": [
            {
                "name": one.name,
                "width": one.values.shape[1],
                "values": base64.b64encode(np.ascontiguousarray(one.values, "<f4").tobytes()).decode("ascii"),
                "pairs": one.pair_of.tolist(),
                "radians": one.radians.tolist(),
            }
            for one in pictures
        ],
    }
    _render(key=key, data=data, on_picked_change=on_pick)


def picked_token(key: str) -> int | None:
    """In ``on_pick``: the position that a click chose. It comes from a browser: check that there is such a token."""
    return kit.whole(kit.sent(key, "picked"), "index")
