"""Charts of the pages: they draw numbers that are given to them and compute none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from ui import theme

__all__ = ["alternative_bars", "count_bars", "neighbour_bars", "probability_bars", "score_histogram", "vector_heatmap"]

BAR_HEIGHT = 26
MUTED = "rgba(127, 137, 148, 0.55)"


def _bars(
    labels: pd.Series, values: pd.Series, hover: str, *, x_title: str, text_format: str, colour: object = None
) -> go.Figure:
    """Horizontal bars, the first on top. Labels go by place, not by name: two tokens may look alike."""
    places = list(range(len(labels)))
    bar = go.Bar(
        x=values,
        y=places,
        orientation="h",
        marker_color=colour or theme.accent(),
        text=[format(value, text_format) for value in values],
        textposition="auto",
        textangle=0,
        hovertemplate=hover,
        cliponaxis=False,
    )
    figure = go.Figure(bar)
    figure.update_layout(**theme.chart_layout(x_title=x_title, height=BAR_HEIGHT * len(labels) + 70))
    figure.update_yaxes(tickmode="array", tickvals=places, ticktext=list(labels), autorange="reversed", ticksuffix=" ")
    return figure


def count_bars(counts: pd.DataFrame) -> go.Figure:
    """Tokens of each tokenizer, as `ui.frames.token_counts` gives them."""
    return _bars(
        counts["Tokenizer"], counts["Tokens"], "%{x:,} tokens<extra></extra>", x_title="tokens", text_format=",d"
    )


def neighbour_bars(table: pd.DataFrame, metric: str) -> go.Figure:
    """Similarities of the nearest tokens, as `ui.frames.neighbour_table` gives them."""
    title = "cosine similarity" if metric == "cosine" else "dot product"
    return _bars(table["Token"], table["Similarity"], "%{x:.4f}<extra></extra>", x_title=title, text_format=".3f")


def alternative_bars(table: pd.DataFrame) -> go.Figure:
    """The most probable tokens of one step; the chosen one in the accent."""
    colours = [theme.accent() if chosen else MUTED for chosen in table["Chosen"]]
    return _bars(
        table["Token"],
        table["Probability"],
        "%{x:.4f}<extra></extra>",
        x_title="probability in the model's own distribution",
        text_format=".1%",
        colour=colours,
    )


def probability_bars(table: pd.DataFrame) -> go.Figure:
    """The model's probabilities in grey and, in front, those that are drawn from after the sampling settings."""
    figure = _bars(
        table["Token"],
        table["Probability"],
        "the model: %{x:.4f}<extra></extra>",
        x_title="probability",
        text_format=".1%",
        colour=MUTED,
    )
    figure.data[0].update(name="the model's own", text=None, offset=-0.4, width=0.8)
    figure.add_bar(
        x=table["Drawn with"],
        y=list(range(len(table))),
        orientation="h",
        name="drawn with these settings",
        marker_color=theme.accent(),
        offset=-0.22,
        width=0.44,
        hovertemplate="drawn with: %{x:.4f}<extra></extra>",
        text=[f"{drawn:.1%}" if drawn else "struck out" for drawn in table["Drawn with"]],
        textposition="outside",
        textfont_size=12,
        constraintext="none",
        cliponaxis=False,
    )
    top = float(max(table["Drawn with"].max(), table["Probability"].max()))
    figure.update_layout(
        showlegend=True, barmode="overlay", legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
    )
    figure.update_layout(margin_t=36, height=BAR_HEIGHT * len(table) + 100)
    figure.update_xaxes(range=[0, top * 1.15], tickformat=".0%")
    return figure


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
    figure.update_layout(**theme.chart_layout(x_title="logit", y_title="tokens (logarithmic)", height=220, bargap=0))
    figure.update_yaxes(type="log", dtick=1)
    figure.add_vline(
        x=chosen,
        line_dash="dot",
        line_color=MUTED,
        annotation_text="most probable token",
        annotation_position="top left",
    )
    return figure


def vector_heatmap(vector: NDArray[np.float32], n_columns: int = 48) -> go.Figure:
    """One number a cell, dimension 0 at the top left, read like a page; zero has the page's colour."""
    n_rows = -(-len(vector) // n_columns)
    cells = np.full(n_rows * n_columns, np.nan, np.float32)
    cells[: len(vector)] = vector
    dimensions = np.arange(n_rows * n_columns).reshape(n_rows, n_columns)
    limit = float(np.abs(vector).max()) or 1.0
    figure = go.Figure(
        go.Heatmap(
            z=cells.reshape(n_rows, n_columns),
            customdata=dimensions,
            colorscale=theme.diverging(),
            zmin=-limit,
            zmax=limit,
            xgap=1,
            ygap=1,
            hoverongaps=False,
            hovertemplate="dimension %{customdata}: %{z:.5f}<extra></extra>",
            colorbar={"thickness": 10, "outlinewidth": 0, "title": {"text": "value", "side": "right"}},
        )
    )
    figure.update_layout(**theme.chart_layout(height=max(200, 20 * n_rows + 60)))
    figure.update_xaxes(title_text=f"dimension within the row of {n_columns}", showgrid=False)
    figure.update_yaxes(
        tickvals=list(range(n_rows)), ticktext=[str(r * n_columns) for r in range(n_rows)], autorange="reversed",
        title_text="first dimension of the row", showgrid=False,
    )  # fmt: skip
    return figure
