"""A text as the model scored it: buckets, sentence, table, and the chart of surprisals."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

import lmloupe as lm
from ui.base import theme
from ui.base.errors import escape_plotly
from ui.base.labels import token_label
from ui.base.words import counted, probability

__all__ = [
    "BUCKETS",
    "bucket_of",
    "expected_table",
    "legend",
    "perplexity_sentence",
    "score_finding",
    "score_notes",
    "score_shades",
    "score_table",
    "surprisal_chart",
]

# Upper ends of the ranks, after GLTR (Gehrmann, Strobelt and Rush, 2019), and the words for them.
BUCKETS = (
    (1, "first guess"),
    (10, "2nd to 10th"),
    (100, "11th to 100th"),
    (1000, "101st to 1,000th"),
    (math.inf, "beyond 1,000th"),
)
MOST_BITS = 16.0
MAX_BARS = 300
N_NAMED = 8
NAMED_BITS = 2.0
MAX_LETTERS = 12


def shortened(label: str) -> str:
    """A label, or the beginning of a long one."""
    return label if len(label) <= MAX_LETTERS else label[: MAX_LETTERS - 1] + "…"


def bucket_of(ranks: NDArray[np.integer]) -> NDArray[np.intp]:
    """Number of the bucket in `BUCKETS` of each rank."""
    return np.searchsorted([top for top, _ in BUCKETS], ranks)


def score_shades(score: lm.Scored, by: str) -> list[float | None]:
    """A shade for each token of the text, None for the first, which has no context."""
    if by == "rank":
        shades = bucket_of(score.ranks) / (len(BUCKETS) - 1)
    else:
        bits = score.surprisal_bits if by == "surprisal" else score.entropy_bits
        shades = np.clip(bits / MOST_BITS, 0, 1)
    return [None, *map(float, shades)]


def score_notes(score: lm.Scored, tok: lm.Tokenizer, n_expected: int = 5) -> list[str]:
    """What a token's tooltip adds: its numbers, and what the model expected in its place."""
    notes = ["not scored: the first token has no context"]
    for i in range(len(score.ranks)):
        best = ", ".join(
            f"{token_label(tok, int(token))} {probability(math.exp(log_prob))}"
            for token, log_prob in zip(score.top_ids[i, :n_expected], score.top_log_probs[i, :n_expected], strict=True)
        )
        own = probability(math.exp(score.log_probs[i]))
        notes.append(
            f"probability {own}, rank {score.ranks[i]:,}, surprisal {score.surprisal_bits[i]:.2f} bits, "
            f"entropy {score.entropy_bits[i]:.2f} bits; expected: {best}"
        )
    return notes


def legend(score: lm.Scored, by: str) -> None:
    """The words for the shades; with the buckets, how many tokens fell into each."""
    if by == "rank":
        counts = np.bincount(bucket_of(score.ranks), minlength=len(BUCKETS))
        words = [f"{name}: {count:,}" for (_, name), count in zip(BUCKETS, counts, strict=True)]
        shares = [i / (len(BUCKETS) - 1) for i in range(len(BUCKETS))]
    else:
        shares = [0.0, 0.25, 0.5, 0.75, 1.0]
        words = [f"{share * MOST_BITS:g}{'+' if share == 1 else ''} bits" for share in shares]
    ground = theme.BACKGROUND_DARK if theme.is_dark() else theme.BACKGROUND_LIGHT
    keys = [
        # The same mix as the token view's shade.
        f'<span style="background:color-mix(in oklab, {theme.accent()} {4 + share * 50:g}%, {ground});'
        f"color:{theme.ink()};"
        f'border-radius:.3rem;padding:.05rem .5rem">{html.escape(word)}</span>'
        for share, word in zip(shares, words, strict=True)
    ]
    st.html(f'<div style="display:flex;flex-wrap:wrap;gap:.4rem;font-size:.85rem">{"".join(keys)}</div>')


def perplexity_sentence(score: lm.Scored, n_characters: int) -> str:
    """Perplexity with its unit and what it means."""
    n = len(score.ranks)
    total = float(score.surprisal_bits.sum())
    return (
        f"Perplexity **{score.perplexity:,.2f}** per token: over the {counted(n, 'token')} after the first, the model "
        f"was on average as unsure as if it chose among {score.perplexity:,.1f} equally likely tokens. "
        f"That is {total / n:.2f} bits per token and {total / max(1, n_characters):.2f} bits per character; "
        "only the second can be compared between models with different tokenizers."
    )


def score_table(score: lm.Scored, tok: lm.Tokenizer) -> pd.DataFrame:
    """One row a token from the second on."""
    ids = score.input_ids[1:]
    return pd.DataFrame(
        {
            "Position": np.arange(2, len(ids) + 2),
            "Token": [token_label(tok, int(i)) for i in ids],
            "Id": ids,
            "Rank": score.ranks,
            "Guess": [BUCKETS[b][1] for b in bucket_of(score.ranks)],
            "Probability": np.exp(score.log_probs),
            "Surprisal (bits)": score.surprisal_bits,
            "Entropy (bits)": score.entropy_bits,
            "Expected first": [token_label(tok, int(i)) for i in score.top_ids[:, 0]],
            "Probability of the first guess": np.exp(score.top_log_probs[:, 0]),
        }
    )


def expected_table(score: lm.Scored, tok: lm.Tokenizer, index: int) -> pd.DataFrame:
    """What the model expected at a place, best first, and the token that stands there, wherever it came."""
    i = index - 1
    ids, log_probs = score.top_ids[i].tolist(), score.top_log_probs[i].tolist()
    own = int(score.input_ids[index])
    if own not in ids:
        ids, log_probs = [*ids, own], [*log_probs, float(score.log_probs[i])]
    return pd.DataFrame(
        {
            "Token": [token_label(tok, int(token)) for token in ids],
            "Id": ids,
            "Probability": np.exp(log_probs),
            "Chosen": [token == own for token in ids],
        }
    )


def score_finding(score: lm.Scored, tok: lm.Tokenizer) -> str:
    """What surprised the model most, and how well it predicted the text, in one sentence of plain text."""
    most = int(score.surprisal_bits.argmax())
    label = token_label(tok, int(score.input_ids[most + 1]))
    chance = probability(math.exp(score.log_probs[most]))
    if len(score.log_probs) == 1:
        first = token_label(tok, int(score.input_ids[0]))
        return (
            f"“{label}” after “{first}” surprises the model by {score.surprisal_bits[0]:.1f} bits, probability {chance}"
        )
    return (
        f"“{label}” surprised the model most: {score.surprisal_bits[most]:.1f} bits, probability {chance}. "
        f"Perplexity of the text: {score.perplexity:,.1f}"
    )


def labels_apart(wanted: Sequence[int], heights: NDArray[np.floating], chosen: int, n: int) -> list[int]:
    """Those of the bars whose names do not lie over each other: the chosen one, then the highest first.

    >>> labels_apart([3, 4, 40], np.full(60, 9.0), 40, 60)
    [3, 40]
    """
    kept: list[int] = []
    top = float(heights.max())
    for i in sorted(wanted, key=lambda i: (i != chosen, -heights[i])):
        if all(abs(i - other) * 6 >= n or abs(heights[i] - heights[other]) > top / 10 for other in kept):
            kept.append(i)
    return sorted(kept)


def surprisal_chart(score: lm.Scored, labels: Sequence[str], index: int) -> go.Figure:
    """A bar for each token's surprisal, a dash for the entropy before it; around the chosen token in a long text.

    The tokens that surprised most are named at their bars.
    """
    n = len(score.ranks)
    begin = max(0, min(index - 1 - MAX_BARS // 2, n - MAX_BARS))
    shown = slice(begin, begin + MAX_BARS)
    places = np.arange(n)[shown] + 2  # people count from 1, and the first token has no score
    bits, expected = score.surprisal_bits[shown], score.entropy_bits[shown]
    colours = [theme.accent() if place == index + 1 else theme.MUTED for place in places]
    most = set(np.argsort(-bits, kind="stable")[:N_NAMED].tolist())
    chosen = index - 1 - begin
    wanted = [i for i in range(len(places)) if i == chosen or (i in most and bits[i] > NAMED_BITS)]
    named = labels_apart(wanted, np.maximum(bits, expected), chosen, len(places))
    figure = go.Figure(
        go.Bar(
            x=places, y=bits, marker_color=colours, customdata=[escape_plotly(labels[place - 1]) for place in places],
            hovertemplate="token %{x}, %{customdata}: %{y:.2f} bits<extra></extra>",
        )
    )  # fmt: skip
    figure.add_scatter(
        x=places, y=expected, mode="markers",
        marker={"symbol": "line-ew", "size": 11, "line": {"width": 2.5, "color": theme.ink()}},
        hovertemplate="token %{x}: %{y:.2f} bits expected<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=places[named], y=np.maximum(bits, expected)[named], mode="text", textposition="top center",
        text=[escape_plotly(shortened(labels[places[i] - 1])) for i in named], hoverinfo="skip", cliponaxis=False,
    )  # fmt: skip
    top = float(max(bits.max(), expected.max()))
    figure.update_layout(**theme.chart_layout(x_title="position in the text", y_title="bits", height=320))
    figure.update_yaxes(range=[0, top * 1.12])
    figure.update_xaxes(showgrid=False)
    return figure
