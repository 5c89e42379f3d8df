"""Two views of a model's inside, drawn in the browser: the logit lens as a grid, attention as squares and arcs.

Both draw SVG from numbers that Python sends, save it as SVG or PNG, and tell Python what was clicked. Nothing
of a person's text becomes HTML: the scripts set ``textContent`` alone.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ui.components import kit

__all__ = ["Head", "LensCell", "LensRow", "PickedHead", "Squares", "attention_view", "lens_view"]

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
    legend: tuple[str, Sequence[str]],
    picked: tuple[int, int],
    name: str,
    key: str,
) -> tuple[int, int] | None:
    """Draw the grid, first row on top.

    Args:
        rows: the layers.
        first: position of the first column in the text.
        reads: label of the token at each position.
        follows: label of the token that the text has next, "" where it ends.
        legend: what the shade means, and words along its scale, from nothing to the strongest.
        picked: layer and position that are marked.
        name: what the grid is, in words.
        key: the widget's key.

    Returns:
        Layer and position of the cell that a click chose for this run, else None.
    """
    places = {row.layer: r for r, row in enumerate(rows)}
    data = {
        "name": name,
        "first": first,
        "reads": list(reads),
        "follows": list(follows),
        "legend": {"title": legend[0], "ticks": list(legend[1]), "bold": "the last layer's first guess"},
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


@dataclass(frozen=True, slots=True, eq=False)
class Squares:
    """All heads of all layers, a square each: with its pattern, or one number as a shade.

    Attributes:
        name: what the squares are, in words.
        says: (n_layers, n_heads) words on pointing at one; "" where there is no such head.
        patterns: float32 (n_layers, n_heads, m, m), shares of 0 to 1; None where ``shares`` are drawn.
        shares: float32 (n_layers, n_heads), 0 to 1 for the shade, nan where there is no such head.
        legend: what the shade means, and words along its scale.
        n_kv_heads: how many key-value heads the query heads share.
        choices: what the squares can show: values with their words.
        shown: the value that they do show.
    """

    name: str
    says: Sequence[Sequence[str]]
    patterns: NDArray[np.float32] | None
    shares: NDArray[np.float32] | None
    legend: tuple[str, Sequence[str]]
    n_kv_heads: int
    choices: Mapping[str, str]
    shown: str


@dataclass(frozen=True, slots=True)
class PickedHead:
    """What a click chose: layer, head and token from 0, the token counted in the text, and what the squares show."""

    layer: int
    head: int
    token: int
    squares: str


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """The heads of one layer over the tokens that are drawn, and which of them is shown large.

    Attributes:
        weights: (n_heads, n, n), query before key.
        sink: (n_heads, n), the share of each row that goes to an attention sink; None in models without.
        to_first: (n_heads, n), what goes to the text's first token, whether it is drawn or not.
        before: (n_heads, n), what goes to the tokens between that one and those that are drawn.
        tokens: label of each token that is drawn.
        first_token: label of the text's first.
        first: position of the first drawn token in the text.
        layer: which one, from 0.
        n_kv_heads: how many key-value heads its query heads share.
        head: which one is shown large.
        token: the token, counted in the text, whose weights stand out.
    """

    weights: NDArray[np.float32]
    sink: NDArray[np.float32] | None
    to_first: NDArray[np.float32]
    before: NDArray[np.float32]
    tokens: Sequence[str]
    first_token: str
    first: int
    layer: int
    n_kv_heads: int
    head: int
    token: int


def attention_view(squares: Squares, head: Head, *, show: str, stub: bool, key: str) -> PickedHead | None:
    """Draw all heads of all layers small and one of them large.

    Args:
        squares: the heads.
        head: the one that is shown large, with the others of its layer.
        show: ``"arcs"`` or ``"matrix"``.
        stub: draw what goes to the text's first token as a stub with its share, in arcs.
        key: the widget's key.

    Returns:
        What a click chose for this run, else None.
    """
    n_layers, n_heads = len(squares.says), len(squares.says[0])
    data: dict[str, Any] = {
        "squares": _squares(squares, n_layers, n_heads),
        "weights": _packed(head.weights),
        "sink": None if head.sink is None else _packed(head.sink),
        "toFirst": _packed(head.to_first),
        "before": _packed(head.before),
        "tokens": list(head.tokens),
        "firstToken": head.first_token,
        "first": head.first,
        "layer": head.layer + 1,
        "nKvHeads": head.n_kv_heads,
        "head": head.head,
        "token": head.token - head.first,
        "show": show,
        "stub": stub,
    }
    sent = _attention(key=key, data=data, on_picked_change=kit.nothing).get("picked")
    layer, chosen, at = (kit.whole(sent, name) for name in ("layer", "head", "token"))
    if layer is None or chosen is None or at is None or not head.first <= at < head.first + len(head.tokens):
        return None
    if not (0 <= layer < n_layers and 0 <= chosen < n_heads):
        return None
    shown = sent.get("squares")
    return PickedHead(layer, chosen, at, shown if shown in squares.choices else squares.shown)


def _squares(squares: Squares, n_layers: int, n_heads: int) -> dict[str, Any]:
    patterns, shares = squares.patterns, squares.shares
    root = None if patterns is None else np.rint(np.sqrt(np.nan_to_num(np.clip(patterns, 0, 1))) * 255).astype("u1")
    return {
        "name": squares.name,
        "patterns": None if root is None else base64.b64encode(root.tobytes()).decode("ascii"),
        "side": 0 if root is None else root.shape[-1],
        "shares": None if shares is None else np.round(np.nan_to_num(shares, nan=-1), 4).ravel().tolist(),
        "says": [word for row in squares.says for word in row],
        "layers": n_layers,
        "heads": n_heads,
        "perGroup": n_heads // squares.n_kv_heads,
        "legend": {"title": squares.legend[0], "ticks": list(squares.legend[1])},
        "choices": list(squares.choices.items()),
        "shown": squares.shown,
    }


def _packed(shares: NDArray[np.float32]) -> str:
    # 16 bits: an error of at most 0.001 %, below what the view writes.
    return base64.b64encode(np.rint(np.clip(shares, 0, 1) * 65535).astype("<u2").tobytes()).decode("ascii")
