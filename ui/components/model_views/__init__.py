"""Two views of a model's inside, drawn in the browser: the logit lens as a grid, attention as matrices and arcs.

Both draw SVG from numbers that Python sends, save it as SVG or PNG, and tell Python what was clicked. Nothing
of a person's text becomes HTML: the scripts set ``textContent`` alone.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ui.components import kit

__all__ = ["LensCell", "LensRow", "attention_view", "lens_view"]

_HERE = Path(__file__).parent
_STYLES = (kit.DRAWING, _HERE / "model_views.css")
_lens = kit.component("lmloupe_lens", _HERE / "lens.js", *_STYLES)
_attention = kit.component("lmloupe_attention", _HERE / "attention.js", *_STYLES)


@dataclass(frozen=True, slots=True)
class LensCell:
    """One cell: the token's label, a share of 0 to 1 for the shade or None, the words on pointing at it, and whether
    the token is the one that the last layer puts first.
    """

    text: str
    share: float | None
    title: str
    agrees: bool


@dataclass(frozen=True, slots=True)
class LensRow:
    """One layer: its label, its number (0 is the embedding), one cell for each position that is shown."""

    label: str
    layer: int
    cells: tuple[LensCell, ...]


def lens_view(
    rows: Sequence[LensRow],
    *,
    first: int,
    reads: Sequence[str],
    follows: Sequence[str],
    legend: tuple[str, str, str],
    picked: tuple[int, int],
    key: str,
) -> tuple[int, int] | None:
    """Draw the grid, first row on top.

    Args:
        rows: the layers.
        first: position of the first column in the text.
        reads: label of the token at each position.
        follows: label of the token that the text has next, "" where it ends.
        legend: what the shade means, and the words for its light and its dark end.
        picked: layer and position that are marked.
        key: the widget's key.

    Returns:
        Layer and position of the cell that a click chose for this run, else None.
    """
    places = {row.layer: r for r, row in enumerate(rows)}
    data = {
        "first": first,
        "reads": list(reads),
        "follows": list(follows),
        "legend": {
            "title": legend[0],
            "low": legend[1],
            "high": legend[2],
            "bold": "the token that the last layer puts first",
        },
        "rows": [
            {
                "label": row.label,
                "layer": row.layer,
                "cells": [[cell.text, cell.share, cell.title, cell.agrees] for cell in row.cells],
            }
            for row in rows
        ],
        "picked": [places.get(picked[0], 0), picked[1] - first],
    }
    sent = _lens(key=key, data=data, on_picked_change=kit.nothing).get("picked")
    layer, position = kit.whole(sent, "layer"), kit.whole(sent, "position")
    if layer is None or position is None or layer not in places or not first <= position < first + len(reads):
        return None
    return layer, position


def attention_view(
    weights: NDArray[np.float32],
    sink: NDArray[np.float32] | None,
    *,
    tokens: Sequence[str],
    first: int,
    layer: int,
    n_kv_heads: int,
    head: int,
    token: int,
    show: str,
    skip_first: bool,
    key: str,
) -> tuple[int, int] | None:
    """Draw all heads of a layer small and one of them large.

    Args:
        weights: (n_heads, n, n) of the positions that are shown, query before key.
        sink: (n_heads, n), the share of each row that goes to an attention sink; None in models without.
        tokens: label of each of them.
        first: position of the first of them in the text.
        layer: its number, from 1.
        n_kv_heads: how many key-value heads the query heads share.
        head: which one is shown large.
        token: the token, counted in the text, whose weights stand out.
        show: ``"arcs"`` or ``"matrix"``.
        skip_first: leave what goes to the text's first token undrawn.
        key: the widget's key.

    Returns:
        Head and token (counted in the text) that a click chose for this run, else None.
    """
    data: dict[str, Any] = {
        "weights": _packed(weights),
        "sink": None if sink is None else _packed(sink),
        "tokens": list(tokens),
        "first": first,
        "layer": layer,
        "nHeads": len(weights),
        "nKvHeads": n_kv_heads,
        "head": head,
        "token": token - first,
        "show": show,
        "skipFirst": skip_first,
    }
    sent = _attention(key=key, data=data, on_picked_change=kit.nothing).get("picked")
    chosen, at = kit.whole(sent, "head"), kit.whole(sent, "token")
    if chosen is None or at is None or not 0 <= chosen < len(weights) or not first <= at < first + len(tokens):
        return None
    return chosen, at


def _packed(shares: NDArray[np.float32]) -> str:
    # 16 bits: an error of at most 0.001 %, below what the view writes.
    return base64.b64encode(np.rint(np.clip(shares, 0, 1) * 65535).astype("<u2").tobytes()).decode("ascii")
