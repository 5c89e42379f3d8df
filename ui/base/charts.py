"""Charts of the pages: they draw numbers that are given to them and compute none."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from ui.base import theme
from ui.base.errors import escape_plotly
from ui.base.words import probability

__all__ = ["BAR_HEIGHT", "alternative_bars", "bars", "places_axis", "probability_bars"]

BAR_HEIGHT = 26


def bars(
    labels: pd.Series,
    values: pd.Series,
    hover: str,
    *,
    x_title: str,
    text_format: str | Callable[[float], str],
    colour: object = None,
) -> go.Figure:
    """Horizontal bars, the first on top. Labels go by place, not by name: two tokens may look alike."""
    write = text_format if callable(text_format) else partial(_formatted, text_format)
    # Plotly takes grey that lets a dark page through for light, and writes on it in black.
    each = colour if isinstance(colour, list) else [colour] * len(labels)
    bar = {
        "type": "bar",
        "x": values,
        "y": list(range(len(labels))),
        "orientation": "h",
        "marker": {"color": colour or theme.accent()},
        "text": [write(value) for value in values],
        "textposition": "auto",
        "textangle": 0,
        "constraintext": "none",  # a number in a bar keeps its size
        "insidetextfont": {"color": [theme.ink(on_accent=one != theme.MUTED) for one in each]},
        "hovertemplate": hover,
        "cliponaxis": False,
    }
    layout = theme.chart_layout(x_title=x_title, height=BAR_HEIGHT * len(labels) + 70)
    layout["yaxis"] |= places_axis(labels)
    # One dictionary: every `update_...` of a figure costs the server some milliseconds.
    return go.Figure({"data": [bar], "layout": layout})


def _formatted(form: str, value: float) -> str:
    return format(value, form)


def probability_bars(labels: pd.Series, probabilities: pd.Series, *, x_title: str, colour: object = None) -> go.Figure:
    """Bars of probabilities on an axis from 0 to 100%, so that bars of the same length are the same on every chart."""
    figure = bars(labels, probabilities, "%{customdata}<extra></extra>", x_title=x_title, text_format="", colour=colour)
    written = [probability(value) for value in probabilities]
    figure.update_traces(text=None, customdata=written)
    # A trace of its own: Plotly leaves out the text of a bar that is shorter than a pixel.
    figure.add_scatter(
        x=probabilities, y=list(range(len(labels))), mode="text", text=[f" {text}" for text in written],
        textposition="middle right", hoverinfo="skip", cliponaxis=False,
    )  # fmt: skip
    figure.update_xaxes(range=[0, 1.12], tickformat=".0%", tickvals=[0, 0.25, 0.5, 0.75, 1])
    return figure


def places_axis(labels: pd.Series) -> dict[str, Any]:
    """The y axis of horizontal bars at the places 0, 1, ... from the top."""
    return {
        "tickmode": "array",
        "tickvals": list(range(len(labels))),
        "ticktext": [escape_plotly(label) for label in labels],
        "autorange": "reversed",
        "ticksuffix": " ",
    }


def alternative_bars(table: pd.DataFrame) -> go.Figure:
    """The most probable tokens of one step; the chosen one in the accent."""
    colours = [theme.accent() if chosen else theme.MUTED for chosen in table["Chosen"]]
    return probability_bars(
        table["Token"], table["Probability"], x_title="probability in the model's own distribution", colour=colours
    )
