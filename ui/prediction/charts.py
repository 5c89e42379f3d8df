"""Charts of Next token: they draw numbers that are given to them and compute none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from ui.base import theme
from ui.base.charts import BAR_HEIGHT, places_axis, probability_bars
from ui.base.words import probability

__all__ = ["draw_bars", "phrase_bars", "score_histogram", "settings_bars"]

# Bars of the same length are the same probability, on every chart.
_AXIS = {"range": [0, 1.08], "tickformat": ".0%", "tickvals": [0, 0.25, 0.5, 0.75, 1]}
_LEGEND = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}


def settings_bars(table: pd.DataFrame) -> go.Figure:
    """Two settings on one prompt: columns "First", in the accent, and "Second", in grey."""
    places = list(range(len(table)))
    sides = (("First", "first settings", theme.accent(), -0.4), ("Second", "second settings", theme.MUTED_LINE, 0.02))
    traces = [
        {
            "type": "bar", "orientation": "h", "x": table[column], "y": places, "name": name,
            "marker": {"color": colour},
            "offset": offset, "width": 0.38, "hovertemplate": f"{name}: %{{x:.4f}}<extra></extra>",
            "text": [probability(drawn) if drawn else "removed" for drawn in table[column]],
            "textposition": "outside", "textfont": {"size": 12}, "constraintext": "none", "cliponaxis": False,
        }
        for column, name, colour, offset in sides
    ]  # fmt: skip
    layout = theme.chart_layout(
        x_title="probability", height=BAR_HEIGHT * len(table) + 130, showlegend=True, barmode="overlay", legend=_LEGEND,
        margin={"l": 8, "r": 8, "t": 66, "b": 8},
    )  # fmt: skip
    layout["xaxis"] |= _AXIS
    layout["yaxis"] |= places_axis(table["Token"])
    return go.Figure({"data": traces, "layout": layout})


def draw_bars(table: pd.DataFrame, n: int) -> go.Figure:
    """Probabilities as bars, the share of ``n`` draws as a dot, and a whisker of two standard deviations.

    ``table`` has the columns "Token", "Drawn with", "Share rolled", "Rolled" and "Spread".
    """
    places = list(range(len(table)))
    traces = [
        {
            "type": "bar", "orientation": "h", "x": table["Drawn with"], "y": places, "name": "probability",
            "marker": {"color": theme.MUTED},
            "hovertemplate": "probability: %{x:.4f}<extra></extra>", "cliponaxis": False,
            "error_x": {"array": table["Spread"], "thickness": 1.2, "width": 4},
        },
        {
            "type": "scatter", "mode": "markers", "x": table["Share rolled"], "y": places, "name": "share of the rolls",
            "marker": {"color": theme.accent(), "size": 12, "symbol": "diamond"}, "customdata": table["Rolled"],
            "hovertemplate": f"%{{customdata}} of {n:,} rolls: %{{x:.4f}}<extra></extra>", "cliponaxis": False,
        },
    ]  # fmt: skip
    layout = theme.chart_layout(
        x_title=f"probability, and share of {n:,} rolls", height=BAR_HEIGHT * len(table) + 130, showlegend=True,
        legend=_LEGEND, margin={"l": 8, "r": 8, "t": 66, "b": 8},
    )  # fmt: skip
    layout["xaxis"] |= _AXIS
    layout["yaxis"] |= places_axis(table["Token"])
    return go.Figure({"data": traces, "layout": layout})


def phrase_bars(table: pd.DataFrame) -> go.Figure:
    """Probability of each token of a phrase, given all before it."""
    return probability_bars(table["Token"], table["Probability"], x_title="probability after everything before it")


def score_histogram(logits: NDArray[np.float32], chosen: float) -> go.Figure:
    """How the scores of the whole vocabulary are spread, on a logarithmic count; the best one is marked."""
    counts, edges = np.histogram(logits[np.isfinite(logits)], bins=80)
    figure = go.Figure(
        go.Bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=counts,
            width=np.diff(edges),
            hovertemplate="logit %{x:.2f}: %{y:,} tokens<extra></extra>",
        )
    )
    figure.update_layout(**theme.chart_layout(x_title="logit", y_title="tokens (logarithmic)", height=260, bargap=0))
    figure.update_yaxes(type="log", dtick=1)
    figure.add_vline(
        x=chosen,
        line_dash="dot",
        line_color=theme.MUTED,
        annotation_text="most probable token",
        annotation_position="top left",
    )
    return figure
