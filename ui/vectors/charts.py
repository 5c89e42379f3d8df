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
    "layer_lines",
    "neighbour_bars",
    "neighbour_table",
    "norm_bars",
    "sentence_heatmap",
    "vocabulary_points",
]

MAX_WRITTEN = 16
"""Columns up to which a cell has its number written in it."""


def sentence_heatmap(rows: NDArray[np.float32], labels: Sequence[str], first_dimension: int, marked: int) -> go.Figure:
    """Tokens x dimensions, zero in the page's colour; the numbers are written where few columns are shown.

    ``rows`` is float32 (n, d), the dimensions from ``first_dimension`` on; ``marked`` is the row with an arrow.
    """
    limit = float(np.abs(rows).max()) or 1.0
    n, d = rows.shape
    dimensions = np.arange(first_dimension, first_dimension + d)
    written = d <= MAX_WRITTEN
    figure = go.Figure(
        go.Heatmap(
            z=rows,
            x=dimensions,
            y=list(range(n)),
            customdata=np.array([[escape_plotly(label)] * d for label in labels], object),
            colorscale=theme.diverging(),
            zmin=-limit,
            zmax=limit,
            xgap=1 if d <= 128 else 0,
            ygap=1,
            texttemplate="%{z:.3f}" if written else None,
            hovertemplate="%{customdata}, dimension %{x}: %{z:.5f}<extra></extra>",
            colorbar={"thickness": 10, "outlinewidth": 0, "title": {"text": "value", "side": "right"}},
        )
    )
    figure.update_layout(
        **theme.chart_layout(x_title="dimension (counted from 0)", height=max(220, min(900, 22 * n + 80)))
    )
    if written:
        figure.update_xaxes(tickvals=dimensions)
    figure.update_xaxes(showgrid=False)
    names = [f"▸ {escape_plotly(label)}" if i == marked else escape_plotly(label) for i, label in enumerate(labels)]
    figure.update_yaxes(
        tickvals=list(range(n)), ticktext=names, autorange="reversed", showgrid=False, ticksuffix=" "
    )  # fmt: skip
    return figure


def norm_bars(labels: Sequence[str], norms: NDArray[np.float32], mean: float, marked: int) -> go.Figure:
    """Lengths of the sentence's rows, upright; a line at the mean of the vocabulary."""
    places = list(range(len(labels)))
    figure = go.Figure(
        go.Bar(
            x=places,
            y=norms,
            marker_color=[theme.accent() if i == marked else theme.MUTED for i in places],
            hovertemplate="%{y:.4f}<extra></extra>",
        )
    )
    figure.update_layout(**theme.chart_layout(y_title="length (norm)", height=240))
    figure.update_xaxes(
        tickvals=places, ticktext=[escape_plotly(label) for label in labels], tickangle=-55, showgrid=False
    )
    figure.add_hline(
        y=mean, line_dash="dot", line_color=theme.MUTED, annotation_text=f"mean of the vocabulary, {mean:.2f}",
        annotation_position="top left",
    )  # fmt: skip
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
    axis: dict[str, Any] = {"labelExpr": "names[datum.value]", "title": None, "labelLimit": 110, "ticks": False}
    axis |= {"labelOverlap": False, "labelFontSize": 11}
    picked = alt.selection_point(name=key, fields=["row", "column"], toggle=False)
    size = max(15, min(30, 560 // n))
    # Vega mixes colours in HCL where nothing else is said, which puts bright cyan between blue and white.
    scale = alt.Scale(domain=[-1, -0.5, 0, 0.5, 1], range=colours, interpolate="rgb")
    chart: alt.Chart = (
        alt.Chart(frame)
        .mark_rect(cursor="pointer")
        .encode(
            x=alt.X("column:O", axis=alt.Axis(labelAngle=-55, **axis)),
            y=alt.Y("row:O", axis=alt.Axis(**axis)),
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
    """The vocabulary as points in 2 or 3 dimensions.

    ``table`` has "x", "y" (and "z"), "Token", "Id" and the column that ``colour`` names: words give a colour to each
    group, numbers a scale. Rows in ``found`` are drawn large, the others then fade and leave the mouse to them.
    """
    figure = go.Figure()
    faded = len(found) > 0
    if pd.api.types.is_numeric_dtype(table[colour]):
        shade = {
            "color": table[colour], "colorscale": "Viridis", "showscale": True,
            "colorbar": {"title": {"text": colour.lower(), "side": "right"}, "thickness": 10, "outlinewidth": 0},
        }  # fmt: skip
        _add_points(figure, table, axes, shade, 0.3 if faded else 0.75, "")
    else:
        groups = table[colour].value_counts(sort=True).index
        for number, group in enumerate(groups):
            chosen = table[table[colour] == group]
            marker: dict[str, Any] = {"color": theme.GROUPS[number % len(theme.GROUPS)]}
            if number:  # the largest group would hide the others
                marker["size"] = 4
            _add_points(figure, chosen, axes, marker, 0.3 if faded else 0.7, f"{group} ({len(chosen):,})")
    if faded:
        # The nearest point takes the mouse, and on a found one's disc that is nearly always another, too small to see.
        figure.update_traces(hoverinfo="skip", hovertemplate=None)
        large = {"color": theme.accent(), "size": 9, "line": {"width": 1, "color": "white"}}
        _add_points(figure, table.iloc[list(found)], axes, large, 1.0, f"found ({len(found):,})")
    figure.update_layout(
        **theme.chart_layout(
            x_title=axes[0], y_title=axes[1], height=620, showlegend=not pd.api.types.is_numeric_dtype(table[colour]),
            dragmode="pan" if len(axes) == 2 else "orbit",
        )
    )  # fmt: skip
    figure.update_layout(
        legend={"itemsizing": "constant", "orientation": "h", "y": -0.12, "yanchor": "top", "x": 0},
        scene={f"{name}axis": {"title": {"text": title}} for name, title in zip("xyz", axes, strict=False)},
    )
    return figure


def _add_points(
    figure: go.Figure, table: pd.DataFrame, axes: Sequence[str], marker: dict[str, Any], opacity: float, name: str
) -> None:
    common: dict[str, Any] = {
        "mode": "markers",
        "name": name,
        "text": [escape_plotly(label) for label in table["Token"]],
        "customdata": table["Id"],
        "hovertemplate": "%{text}, id %{customdata}<extra></extra>",
        "marker": {"size": 3 if len(axes) == 2 else 2} | marker,
        "opacity": opacity,
    }
    if len(axes) == 3:
        figure.add_trace(go.Scatter3d(x=table["x"], y=table["y"], z=table["z"], **common))
    else:
        # A click leaves the points that it did not choose as they are; Plotly would fade them nearly to nothing.
        common["unselected"] = {"marker": {"opacity": opacity}}
        figure.add_trace(go.Scattergl(x=table["x"], y=table["y"], **common))


def layer_lines(table: pd.DataFrame) -> go.Figure:
    """Cosines by layer: the column "Layer", and one line for each other column."""
    figure = go.Figure()
    colours = [theme.accent(), theme.CONTRAST, theme.MUTED]
    for number, name in enumerate(table.columns[1:]):
        figure.add_scatter(
            x=table["Layer"], y=table[name], mode="lines+markers", name=name,
            line={"color": colours[number % len(colours)], "width": 3},
            hovertemplate="layer %{x}: %{y:.4f}<extra></extra>",
        )  # fmt: skip
    figure.update_layout(
        **theme.chart_layout(x_title="layer (0 is the embedding)", y_title="cosine", height=420, showlegend=True)
    )
    figure.update_layout(margin_t=70, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0})
    least = float(table.iloc[:, 1:].min().min())
    figure.update_yaxes(range=[least - 0.05 * (1 - least) - 0.01, 1.01])
    return figure
