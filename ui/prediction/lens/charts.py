"""Charts of Layers: how long the vectors are, and what each part adds to a token's score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

import lmloupe as lm
from ui.base import theme
from ui.prediction.lens.run import LensRun

__all__ = ["attribution_chart", "norms_chart", "parts_of"]


def norms_chart(run: LensRun, n_layers: int, positions: range, index: int) -> go.Figure:
    """Length of the residual stream by layer: at the chosen token, and the middle of those that are shown."""
    layers = list(range(n_layers + 1))
    norms = np.array([[run.cells[layer, position].norm for position in positions] for layer in layers])
    series = [("median of the tokens shown", np.median(norms, 1), theme.MUTED_LINE, 2)]
    if positions.start == 0 and index != 0:
        series.append(("first token", norms[:, 0], theme.ink(), 2))
    series.append(("chosen token", norms[:, index - positions.start], theme.accent(), 3))
    traces = [
        {
            "type": "scatter", "x": layers, "y": values, "name": name, "mode": "lines",
            "line": {"color": colour, "width": width},
            "hovertemplate": "layer %{x}: %{y:.2f}<extra>" + name + "</extra>",
        }
        for name, values, colour, width in series
    ]  # fmt: skip
    layout = theme.chart_layout(
        x_title="after layer (0 is the embedding)", y_title="Euclidean norm (logarithmic)", height=300,
        margin={"l": 8, "r": 190, "t": 12, "b": 8}, annotations=_at_the_ends(series, n_layers),
    )  # fmt: skip
    layout["yaxis"] |= {"type": "log"}
    return go.Figure({"data": traces, "layout": layout})


def _at_the_ends(series: list[tuple[str, NDArray[np.floating], str, int]], n_layers: int) -> list[dict[str, Any]]:
    """Each line's name at its right end, spread so far that none covers another."""
    ends = sorted((float(np.log10(values[-1])), name, colour) for name, values, colour, _ in series)
    span = max(float(np.log10(values).max()) for _, values, _, _ in series) - min(
        float(np.log10(values).min()) for _, values, _, _ in series
    )
    notes: list[dict[str, Any]] = []
    for height, name, colour in ends:
        at = max(height, notes[-1]["y"] + 0.09 * span) if notes else height
        notes.append(
            {
                "x": n_layers, "y": at, "text": name, "xanchor": "left", "showarrow": False,
                "xshift": 8, "font": {"color": theme.ink() if colour == theme.MUTED_LINE else colour},
            }
        )  # fmt: skip
    return notes


def parts_of(parts: lm.Attribution) -> dict[str, float]:
    """What each part adds to a logit, by its name, in the order of the chart."""
    named = {"embedding": parts.embedding}
    for layer, (attention, mlp) in enumerate(zip(parts.attention, parts.mlp, strict=True), 1):
        named |= {f"attention {layer}": float(attention), f"MLP {layer}": float(mlp)}
    named["bias"] = parts.bias
    if parts.soft_cap:
        named["soft cap"] = parts.soft_cap
    return named | {"unexplained": parts.unexplained}


def attribution_chart(parts: lm.Attribution) -> go.Figure:
    """What each part adds to one logit: two bars for each layer, one for each of the rest; a soft cap where it acts."""
    n_layers = len(parts.attention)
    named = parts_of(parts)
    rest = {name: value for name, value in named.items() if name.split()[0] not in ("attention", "MLP")}
    # Places on the axis: layers at their numbers, the rest before and behind them with room for its words.
    places = {"embedding": -2.0} | {
        name: n_layers + 3.0 + 5 * i for i, name in enumerate(name for name in rest if name != "embedding")
    }
    layers = list(range(1, n_layers + 1))
    hover = "<extra></extra>"
    kinds = (("attention", parts.attention, theme.accent()), ("MLP", parts.mlp, theme.MUTED_LINE))
    traces: list[dict[str, Any]] = [
        {
            "type": "bar", "x": layers, "y": values, "name": name, "marker": {"color": colour},
            "hovertemplate": f"layer %{{x}}, {name}: %{{y:+.3f}}{hover}",
        }
        for name, values, colour in kinds
    ]  # fmt: skip
    traces.append(
        {
            "type": "bar", "x": [places[name] for name in rest], "y": list(rest.values()), "name": "the rest",
            "customdata": list(rest), "marker": {"color": theme.ink()}, "width": 0.8,
            "hovertemplate": f"%{{customdata}}: %{{y:+.3f}}{hover}",
        }
    )  # fmt: skip
    layout = theme.chart_layout(
        x_title="layer", y_title="added to the logit", height=320, barmode="group", showlegend=True,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}, margin={"l": 8, "r": 8, "t": 40, "b": 8},
    )  # fmt: skip
    step = 1 if n_layers <= 12 else 5
    ticks: Mapping[float, str] = {float(layer): str(layer) for layer in layers if layer % step == 0 or layer == 1} | {
        place: name for name, place in places.items()
    }
    layout["xaxis"] |= {"tickmode": "array", "tickvals": list(ticks), "ticktext": list(ticks.values()), "tickangle": 0}
    return go.Figure({"data": traces, "layout": layout})
