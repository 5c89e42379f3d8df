"""Attention on the page: all heads as squares, the chosen one with what is not drawn, and the words for both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

import lmloupe as lm
from ui.base.words import percent
from ui.components.model_views import Head, Squares

__all__ = ["MEASURES", "head_of", "heads_finding", "heads_table", "nearest_layer", "squares_of"]

MEASURES = {
    "pattern": "Pattern",
    "first": "On the first token",
    "previous": "On the token before",
    "entropy": "Entropy",
}
"""What a square can show, by the values of the setting ``attention_squares``."""


def nearest_layer(summary: lm.AttentionSummary, layer: int) -> int:
    """The block nearest to this one that has attention weights."""
    return min(summary.layers, key=lambda other: (abs(other - layer), other))


def heads_finding(summary: lm.AttentionSummary) -> str:
    """How many heads spend more than half of what they have on the first token."""
    there = summary.first[~np.isnan(summary.first)]
    if len(summary.input_ids) == 1:
        return "One token has nothing to read but itself"
    most = int((there > 0.5).sum())
    return f"{most:,} of {len(there):,} heads put more than half of their attention on the first token"


def squares_of(summary: lm.AttentionSummary, show: str, n_kv_heads: int) -> Squares:
    """The squares, with a pattern or one of the numbers each."""
    n_layers, n_heads = summary.first.shape
    n = len(summary.input_ids)
    bits = max(float(np.log2(n)), 1.0)
    shares, legend = {
        "pattern": (None, ("Shade: share, each row reads the columns", ("0%", "25%", "100%"))),
        "first": (summary.first, ("Shade: mean share on the first token", ("0%", "50%", "100%"))),
        "previous": (summary.previous, ("Shade: mean share on the token before", ("0%", "50%", "100%"))),
        "entropy": (
            summary.entropy_bits / bits,
            ("Shade: mean entropy of what a token reads", ("0 bits", f"{bits / 2:.1f}", f"{bits:.1f} bits")),
        ),
    }[show]
    says = [[_says(summary, layer, head) for head in range(n_heads)] for layer in range(n_layers)]
    return Squares(
        name=f"{MEASURES[show]} of {n_heads} heads in {n_layers} layers",
        says=says,
        patterns=summary.patterns if shares is None else None,
        shares=shares,
        legend=legend,
        n_kv_heads=n_kv_heads if n_kv_heads and n_heads % n_kv_heads == 0 else n_heads,
        choices=MEASURES,
        shown=show,
    )


def _says(summary: lm.AttentionSummary, layer: int, head: int) -> str:
    if np.isnan(summary.first[layer, head]):
        return ""
    return (
        f"Layer {layer + 1}, head {head + 1}: {percent(float(summary.first[layer, head]))} on the first token, "
        f"{percent(float(summary.previous[layer, head]))} on the token before, "
        f"entropy {summary.entropy_bits[layer, head]:.1f} bits"
    )


def heads_table(summary: lm.AttentionSummary) -> pd.DataFrame:
    """One row for each head of each layer, counted from 1, with its numbers."""
    layers, heads = np.nonzero(~np.isnan(summary.first))
    return pd.DataFrame(
        {
            "Layer": layers + 1,
            "Head": heads + 1,
            "On the first token": summary.first[layers, heads],
            "On the token before": summary.previous[layers, heads],
            "On itself": summary.itself[layers, heads],
            "Entropy (bits)": summary.entropy_bits[layers, heads],
        }
    )


def head_of(
    read: lm.AttentionWeights, *, window: range, labels: Sequence[str], n_kv_heads: int, head: int, token: int
) -> Head:
    """The heads of a layer over the tokens in the window, and what they give to those outside of it."""
    rows, shown = slice(window.start, window.stop), slice(window.start, window.stop)
    weights = read.weights[:, rows]
    return Head(
        weights=weights[:, :, shown],
        sink=None if read.sink is None else read.sink[:, rows],
        to_first=weights[:, :, 0],
        before=weights[:, :, 1 : max(1, window.start)].sum(-1),
        tokens=labels[shown],
        first_token=labels[0],
        first=window.start,
        layer=read.layer,
        n_kv_heads=n_kv_heads,
        head=head,
        token=token,
    )
