"""Layer by layer, beside the picture: the chosen matrix, the matrices of its layer, why errors differ, outliers."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

import lmloupe as lm
from ui.base import theme
from ui.base.charts import bars
from ui.base.errors import escape_markdown, escape_plotly
from ui.base.labels import token_label
from ui.base.words import counted
from ui.precision.layers.view import bits, short_names

__all__ = [
    "FORMATS",
    "crest_chart",
    "crest_words",
    "feature_table",
    "feature_words",
    "matrices_bars",
    "matrices_words",
    "matrix_words",
    "number_formats",
]

N_FEATURES = 8
FORMATS = {
    "Largest activation": st.column_config.NumberColumn(format="%.1f"),
    "Times the median": st.column_config.NumberColumn(format="%.0f"),
}
_STRONG, _WEAK = 0.7, 0.3


def large(value: float) -> str:
    """A number of any size with three or more figures.

    >>> large(24494.09), large(-0.98834), large(7.25)
    ('24,494', '-0.988', '7.25')
    """
    return f"{value:,.0f}" if abs(value) >= 999.5 else f"{value:.3g}"


def matrix_words(one: lm.MatrixError, given: lm.ModuleInputs | None, tok: lm.Tokenizer, ids: tuple[int, ...]) -> str:
    """The numbers of one matrix as Markdown."""
    row, column = one.largest_at
    sigmas = abs(one.largest_weight) / one.std if one.std else 0.0
    crest = "" if math.isnan(one.crest) else f" The peak of a block is {one.crest:.2f} times its root mean square."
    lines = [
        f"- Error **{100 * one.relative_error:.3g}%** of the matrix ({one.snr_db:.1f} dB), at most "
        f"{one.largest_error:.3g} in one weight.{crest}",
        f"- Largest weight {one.largest_weight:.3g}, {sigmas:.1f} standard deviations, in row {row + 1:,}, column "
        f"{column + 1:,}. Kurtosis {one.kurtosis:.1f}; a normal distribution has 3.",
    ]
    if given is not None:
        largest = int(given.largest.argmax())
        token = int(given.tokens[largest])
        n = len(given.outliers)
        listed = ", ".join(f"{i + 1:,}" for i in given.outliers[:8]) + (" …" if n > 8 else "")
        label, most = escape_markdown(token_label(tok, ids[token])), large(float(given.largest[largest]))
        lines.append(
            f"- Its input on this text reaches {most} in column {largest + 1:,}, at token {token + 1:,} "
            f"(“{label}”). {counted(n, 'column')} {'reaches' if n == 1 else 'reach'} {given.threshold:g}, "
            f"LLM.int8()'s threshold{f': {listed}' if n else ''}."
        )
    return "\n".join(lines)


def matrices_words(found: lm.LayerSensitivity | None, layer: int) -> str:
    """Which matrix of a layer costs most, true while it is computed."""
    if found is None or not found.effects or found.whole is None:
        return f"Which matrix of layer {layer + 1}?"
    kl = found.mean_kl_bits
    so_far = "" if found.is_complete else f"So far, of {len(kl)} of {len(found.names)}: "
    worst = int(kl.argmax())
    if kl[worst] == 0:
        return f"{so_far}No matrix of layer {layer + 1} changes the predictions"
    return (
        f"{so_far}{found.names[worst]} alone costs {bits(float(kl[worst]))} of layer {layer + 1}'s "
        f"{bits(found.whole.mean_kl_bits)} bits"
    )


def matrices_bars(found: lm.LayerSensitivity, chosen: str) -> go.Figure:
    """One bar for each matrix of a layer, the chosen one in the accent."""
    names = list(found.names[: len(found.effects)])
    short = dict(zip(found.names, short_names(found.names), strict=True))
    figure = bars(
        pd.Series([short[name] for name in names]),
        pd.Series(found.mean_kl_bits),
        "%{x:.5f} bits<extra></extra>",
        x_title="mean KL, this matrix alone rounded (bits)",
        text_format=bits,
        colour=[theme.accent() if name == chosen else theme.MUTED for name in names],
    )
    return figure.update_traces(outsidetextfont_color=theme.ink())


def crest_words(errors: lm.QuantizationErrors) -> str:
    """Whether the peaks of blocks explain the errors: what the rank correlation says."""
    found = errors.rank_correlation("crest")
    n = counted(len(errors.matrices), "matrix", "matrices")
    if math.isnan(found):
        return f"What the errors go with cannot be said of {n}"
    if found >= _STRONG:
        return f"The errors go with the peaks of the blocks: rank correlation {found:.2f} over {n}"
    if found <= -_STRONG:
        return f"The larger the peaks of the blocks, the smaller the errors: rank correlation {found:.2f} over {n}"
    how = "hardly go" if abs(found) < _WEAK else "go only loosely"
    return f"The errors {how} with the peaks of the blocks: rank correlation {found:.2f} over {n}"


def crest_chart(errors: lm.QuantizationErrors, chosen: str) -> go.Figure:
    """Every matrix as a point: the peak of its blocks, and its error."""
    ones = errors.matrices
    marked = [one.path == chosen for one in ones]
    trace = {
        "type": "scatter", "mode": "markers",
        "x": [one.crest for one in ones], "y": [100 * one.relative_error for one in ones],
        "marker": {
            "color": [theme.accent() if mark else theme.orange() for mark in marked],
            "size": [14 if mark else 7 for mark in marked],
            "symbol": ["diamond" if mark else "circle" for mark in marked],
        },
        "text": [escape_plotly(f"layer {one.layer + 1}, {one.module}" if one.layer >= 0 else one.path) for one in ones],
        "hovertemplate": "%{text}<br>peak %{x:.2f}, error %{y:.2f}%<extra></extra>",
    }  # fmt: skip
    layout = theme.chart_layout(
        x_title="peak of a block over its root mean square", y_title="relative error (%)", height=300
    )
    return go.Figure({"data": [trace], "layout": layout})


def feature_words(found: lm.OutlierFeatures) -> str:
    """How many dimensions are massive, and the largest."""
    every = found.top(found.largest.shape[1])
    massive = sum(one.is_massive for one in every)
    first = every[0]
    said = "No dimension is" if massive == 0 else f"{counted(massive, 'dimension')} {'is' if massive == 1 else 'are'}"
    return (
        f"{said} massive on this text; dimension {first.dimension + 1:,} is the largest: {large(first.value)}, "
        f"{first.times_median:,.0f} times the median"
    )


def feature_table(found: lm.OutlierFeatures, tok: lm.Tokenizer) -> pd.DataFrame:
    """The dimensions of the stream with the largest activations."""
    return pd.DataFrame(
        [
            {
                "Dimension": one.dimension + 1,
                "Largest activation": one.value,
                "Times the median": one.times_median,
                "Read by layer": one.layer + 1,
                "At token": f"{one.token + 1} “{token_label(tok, int(found.input_ids[one.token]))}”",
                "Massive in layers": one.n_layers,
            }
            for one in found.top(N_FEATURES)
        ]
    )


def number_formats(table: pd.DataFrame) -> dict[str, Any]:
    """How the columns of `layer_table` are written."""
    return {
        name: st.column_config.NumberColumn(format="%.2f" if name.endswith("%)") else "%.5f")
        for name in table.columns
        if name != "Layer"
    }
