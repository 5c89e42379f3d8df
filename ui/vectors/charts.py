"""Charts of embeddings: they draw numbers that are given to them and compute none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

import lmloupe as lm
from ui.base import theme
from ui.base.charts import bars
from ui.base.errors import escape_plotly
from ui.base.labels import token_label

__all__ = [
    "cosine_heatmap",
    "neighbour_bars",
    "neighbour_table",
    "sentence_heatmap",
    "vocabulary_points",
]

MAX_WRITTEN, HEAT_SHARE = 16, 0.86
"""Columns up to which a cell has its number written in it."""


def sentence_heatmap(
    rows: NDArray[np.float32],
    labels: Sequence[str],
    first_dimension: int,
    marked: int,
    lengths: NDArray[np.float32],
    mean: float,
) -> go.Figure:
    """Tokens x dimensions, zero in the page's colour, and beside it the length of each row.

    Args:
        rows: float32 (n, d), the dimensions from ``first_dimension`` (counted from 0) on. The numbers are written where
            few columns are shown.
        labels: of the n tokens.
        first_dimension: the axis counts from 1.
        marked: the row with an arrow.
        lengths: (n,), of the whole rows.
        mean: length of the vocabulary's rows, on average: a line.
    """
    limit = float(np.abs(rows).max()) or 1.0
    n, d = rows.shape
    dimensions = np.arange(first_dimension + 1, first_dimension + d + 1)
    written = d <= MAX_WRITTEN
    places = list(range(n))
    heat = go.Heatmap(
        z=rows,
        x=dimensions,
        y=places,
        customdata=np.array([[escape_plotly(label)] * d for label in labels], object),
        colorscale=theme.diverging(),
        zmin=-limit,
        zmax=limit,
        xgap=1 if d <= 128 else 0,
        ygap=1,
        texttemplate="%{z:.3f}" if written else None,
        hovertemplate="%{customdata}, dimension %{x}: %{z:.5f}<extra></extra>",
        colorbar={
            "thickness": 10,
            "outlinewidth": 0,
            "tickfont": {"color": theme.ink()},
            "title": {"text": "value", "side": "top", "font": {"color": theme.ink()}},
        },
    )
    length = go.Bar(
        x=lengths, y=places, xaxis="x2", orientation="h", customdata=[escape_plotly(label) for label in labels],
        marker_color=[theme.accent() if i == marked else theme.MUTED for i in places],
        hovertemplate="%{customdata}: %{x:.4f} long<extra></extra>",
    )  # fmt: skip
    layout = theme.chart_layout(
        x_title="dimension", height=max(240, min(900, 22 * n + 90)), dragmode="zoom", bargap=0.35
    )
    layout["xaxis"] |= {"domain": [0, HEAT_SHARE], "showgrid": False} | ({"tickvals": dimensions} if written else {})
    layout["xaxis2"] = {
        "domain": [HEAT_SHARE + 0.02, 1], "anchor": "y", "title": layout["xaxis"]["title"] | {"text": "length"},
        "zeroline": False, "nticks": 3, "rangemode": "tozero", "tickfont": {"color": theme.ink()},
    }  # fmt: skip
    names = [f"▸ {escape_plotly(label)}" if i == marked else escape_plotly(label) for i, label in enumerate(labels)]
    layout["yaxis"] |= {
        "tickvals": places, "ticktext": names, "autorange": "reversed", "showgrid": False, "ticksuffix": " "
    }  # fmt: skip
    figure = go.Figure({"data": [heat, length], "layout": layout})
    figure.add_shape(
        type="line", xref="x2", yref="paper", x0=mean, x1=mean, y0=0, y1=1, line={"dash": "dot", "color": theme.ink()}
    )
    return figure


def cosine_heatmap(cosines: NDArray[np.float32], labels: Sequence[str], key: str) -> alt.Chart:
    """Token x token, a click selects a cell: the selection ``key`` holds ``row`` and ``column``, counted from 0.

    Altair, because Plotly's heat map reports no click to Streamlit.
    """
    n = len(labels)
    row, column = np.divmod(np.arange(n * n), n)
    frame = pd.DataFrame(
        {
            "row": row,
            "column": column,
            "cosine": cosines.ravel(),
            "first": [labels[i] for i in row],
            "second": [labels[i] for i in column],
        }
    )
    colours = [colour for _, colour in theme.diverging()]
    # Vega counts in an expression; labels go in as data, quoted by JSON, and are read as text alone.
    names = alt.param(name="names", value=list(labels))
    axis: dict[str, Any] = {"title": None, "labelLimit": 140, "ticks": False, "labelOverlap": False}
    axis |= {"labelFontSize": round(13 * theme.chart_scale()), "labelAngle": 0, "labelColor": theme.ink()}
    picked = alt.selection_point(name=key, fields=["row", "column"], toggle=False)
    size = round(max(18, min(34, 640 // n)) * theme.chart_scale())
    # Vega mixes colours in HCL where nothing else is said, which puts bright cyan between blue and white.
    scale = alt.Scale(domain=[-1, -0.5, 0, 0.5, 1], range=colours, interpolate="rgb")
    chart: alt.Chart = (
        alt.Chart(frame)
        .mark_rect(cursor="pointer")
        .encode(
            x=alt.X("column:O", axis=alt.Axis(labelExpr="datum.value + 1", **axis)),
            y=alt.Y("row:O", axis=alt.Axis(labelExpr="(datum.value + 1) + '  ' + names[datum.value]", **axis)),
            color=alt.Color("cosine:Q", scale=scale, title="cosine"),
            stroke=alt.condition(picked, alt.value(theme.accent()), alt.value(None), empty=False),
            strokeWidth=alt.value(2),
            tooltip=[
                alt.Tooltip("first:N", title="row"),
                alt.Tooltip("second:N", title="column"),
                alt.Tooltip("cosine:Q", format=".4f"),
            ],
        )
        .add_params(names, picked)
        .properties(height=n * size)
    )
    return chart


def neighbour_table(tok: lm.Tokenizer, neighbours: lm.Neighbours) -> pd.DataFrame:
    """One row a neighbour, nearest first."""
    return pd.DataFrame(
        {
            "Token": [token_label(tok, int(i)) for i in neighbours.ids],
            "Id": neighbours.ids,
            "Similarity": neighbours.similarities,
        }
    )


def neighbour_bars(table: pd.DataFrame, metric: str) -> go.Figure:
    """Similarities of the nearest tokens, as `neighbour_table` gives them."""
    title = "cosine similarity" if metric == "cosine" else "dot product"
    return bars(table["Token"], table["Similarity"], "%{x:.4f}<extra></extra>", x_title=title, text_format=".3f")


def vocabulary_points(table: pd.DataFrame, axes: Sequence[str], colour: str, found: Sequence[int]) -> go.Figure:
    """The vocabulary as points in 3 dimensions, to turn; the map of two is `ui.components.map_view`.

    ``table`` has "x", "y", "z", "Token", "Id" and the column that ``colour`` names: words give a colour to each group,
    numbers a scale. Rows in ``found`` are drawn large with their words, the others then fade.
    """
    figure = go.Figure()
    numbers = pd.api.types.is_numeric_dtype(table[colour])
    faded = 0.3 if len(found) else 0.75
    if numbers:
        shade = {
            "color": table[colour], "colorscale": "Viridis", "showscale": True,
            "colorbar": {"title": {"text": colour.lower(), "side": "right"}, "thickness": 10, "outlinewidth": 0},
        }  # fmt: skip
        _add_points(figure, table, shade, faded, "")
    else:
        for number, group in enumerate(table[colour].value_counts(sort=True).index):
            chosen = table[table[colour] == group]
            shade = {"color": theme.GROUPS[number % len(theme.GROUPS)]}
            _add_points(figure, chosen, shade, faded, f"{group} ({len(chosen):,})")
    if len(found):
        large = {"color": theme.accent(), "size": 6}
        _add_points(figure, table.iloc[list(found)], large, 1.0, f"found ({len(found):,})", words=True)
    figure.update_layout(**theme.chart_layout(height=620, showlegend=not numbers, dragmode="orbit"))
    figure.update_layout(
        legend={"itemsizing": "constant", "orientation": "h", "y": -0.05, "yanchor": "top", "x": 0},
        scene={f"{name}axis": {"title": {"text": title}} for name, title in zip("xyz", axes, strict=True)},
    )
    return figure


def _add_points(
    figure: go.Figure, table: pd.DataFrame, marker: dict[str, Any], opacity: float, name: str, *, words: bool = False
) -> None:
    figure.add_trace(
        go.Scatter3d(
            x=table["x"], y=table["y"], z=table["z"], mode="markers+text" if words else "markers", name=name,
            text=[escape_plotly(label) for label in table["Token"]], customdata=table["Id"], opacity=opacity,
            hovertemplate="%{text}, id %{customdata}<extra></extra>", marker={"size": 2} | marker,
        )
    )  # fmt: skip
