"""One word in three sentences: where it is in each, how alike its vectors are layer by layer, and what that shows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

import lmloupe as lm
from ui.base import theme
from ui.base.kept.answers import answered
from ui.base.loaders import engine

__all__ = ["NAMES", "PAIRS", "cosine_table", "layer_lines", "parting", "place_of", "states_of"]

NAMES = "ABC"
PAIRS = ((0, 1), (0, 2), (1, 2))
LEAST_GAP = 0.02
"""Cosines that are nearer to each other than this say nothing."""
_LABEL_GAP = 0.07  # of the height of the chart
_HEIGHT = 440


@st.cache_resource(max_entries=64, show_spinner=False)
def states_of(model: str, quantization: lm.Quantization, ids: tuple[int, ...], position: int) -> NDArray[np.float32]:
    """A token's vector at every depth, float32 (n_layers + 1, width), from one forward pass."""
    # What follows a token cannot change it, so it is not read.
    return answered(engine(model, quantization), lm.Engine.hidden_states, ids[: position + 1])[:, -1].copy()


def place_of(tok: lm.Tokenizer, name: str, text: str, word: str) -> tuple[tuple[int, ...], int]:
    """The ids of a sentence and the position of the last token of the word in it.

    Raises:
        lmloupe.InvalidTextError: the word is not in the sentence.
    """
    if not word:
        raise lm.InvalidTextError("There is no word to compare: write one that stands in all three sentences.")
    start = text.lower().find(word.lower())
    if start < 0:
        raise lm.InvalidTextError(
            f"Sentence {name} does not contain the word {word!r}: write it there, or another word."
        )
    places = lm.word_positions(tok, text, start, min(len(text), start + len(word)))
    if len(places) == 0:
        raise lm.InvalidTextError(f"No token of sentence {name} contains the word {word!r}: write another word.")
    return tuple(lm.encode(tok, text, add_special_tokens=True).input_ids.tolist()), int(places[-1])


def cosine_table(states: NDArray[np.float32]) -> pd.DataFrame:
    """Cosine of each pair of sentences, a row a layer, from float32 (n_layers + 1, 3, width)."""
    cosines = np.stack([lm.cosine_matrix(layer) for layer in states])
    table = pd.DataFrame({"Layer": np.arange(len(cosines))})
    for i, j in PAIRS:
        table[f"{NAMES[i]} and {NAMES[j]}"] = cosines[:, i, j]
    return table


def parting(table: pd.DataFrame, word: str) -> tuple[str, str | None]:
    """What the lines show, in one sentence, and the column of the pair that stays alike; None where none stands out.

    >>> flat = pd.DataFrame({"Layer": [0, 1], "A and B": [1, 0.9], "A and C": [1, 0.91], "B and C": [1, 0.9]})
    >>> parting(flat, "bank")
    ('No two of the three “bank” stand out: in every layer their cosines lie within 0.01', None)
    >>> parting(flat.assign(**{"A and B": [1, 0.5]}).assign(**{"B and C": [1, 0.6]}), "bank")[0]
    'After layer 1, “bank” in A and C is more alike than with B, most after layer 1: cosine 0.91 against 0.60'
    """
    values = table.iloc[:, 1:].to_numpy(float)
    ordered = np.sort(values, axis=1)
    gaps = ordered[:, 2] - ordered[:, 1]
    layer = int(gaps.argmax())
    if gaps[layer] < LEAST_GAP:
        spread = float((ordered[:, 2] - ordered[:, 0]).max())
        if spread >= LEAST_GAP:
            return _one_apart(values, word), None
        return f"No two of the three “{word}” stand out: in every layer their cosines lie within {spread:.2f}", None
    pair = int(values[layer].argmax())
    i, j = (NAMES[place] for place in PAIRS[pair])
    third = next(name for name in NAMES if name not in (i, j))
    others = np.delete(values, pair, axis=1).max(axis=1)
    clear = values[:, pair] - others >= LEAST_GAP
    first = layer - int(np.argmin(np.append(clear[layer::-1], False))) + 1
    last = layer + int(np.argmin(np.append(clear[layer:], False))) - 1
    when = f"From layer {first} to {last}" if first < last else f"After layer {layer}"
    return (
        f"{when}, “{word}” in {i} and {j} is more alike than with {third}, most after layer {layer}: cosine "
        f"{values[layer, pair]:.2f} against {others[layer]:.2f}",
        str(table.columns[pair + 1]),
    )


def _one_apart(values: NDArray[np.float64], word: str) -> str:
    """The sentence where two pairs are alike to the same degree, and the third pair is less alike than they."""
    ordered = np.sort(values, axis=1)
    layer = int((ordered[:, 1] - ordered[:, 0]).argmax())
    i, j = (NAMES[place] for place in PAIRS[int(values[layer].argmin())])
    third = next(name for name in NAMES if name not in (i, j))
    return (
        f"“{word}” in {third} is as near to {i} as to {j}, which are further apart, most after layer {layer}: cosine "
        f"{ordered[layer, 0]:.2f} against {ordered[layer, 1]:.2f}"
    )


def layer_lines(table: pd.DataFrame, alike: str | None) -> go.Figure:
    """Cosines by layer, a line for each pair with its name at its end; the pair that stays alike in the accent."""
    names = list(table.columns[1:])
    values = table[names].to_numpy(float)
    least = float(values.min())
    low, high = least - 0.05 * (1 - least) - 0.01, 1.01
    layout = theme.chart_layout(x_title="layer (0 is the embedding)", y_title="cosine", height=_HEIGHT)
    layout["xaxis"] |= {"range": [-0.3, len(table) - 0.7], "dtick": 5}
    layout["yaxis"] |= {"range": [low, high]}
    layout["margin"] = layout["margin"] | {"r": round(96 * theme.chart_scale())}
    figure = go.Figure({"layout": layout})
    dashes = iter(("dash", "dot", "solid"))
    ends = _apart(values[-1], _LABEL_GAP * (high - low))
    for name, end in zip(names, ends, strict=True):
        lit = name == alike
        colour = theme.accent() if lit else theme.ink()
        figure.add_scatter(
            x=table["Layer"], y=table[name], mode="lines+markers" if lit else "lines", name=name,
            line={"color": colour, "width": 4 if lit else 2, "dash": "solid" if lit else next(dashes)},
            hovertemplate=f"{name}, layer %{{x}}: %{{y:.4f}}<extra></extra>",
        )  # fmt: skip
        figure.add_annotation(
            x=len(table) - 1, y=end, text=f"<b>{name}</b>" if lit else name, showarrow=False, xanchor="left",
            xshift=10, font={"color": colour},
        )  # fmt: skip
    return figure


def _apart(values: NDArray[np.floating], gap: float) -> list[float]:
    """The values moved so far apart that their names do not cover each other, the highest left where it is."""
    placed = dict.fromkeys(range(len(values)), 0.0)
    last = np.inf
    for i in np.argsort(-values, kind="stable"):
        last = min(float(values[i]), last - gap)
        placed[int(i)] = last
    return list(placed.values())
