"""Charts of the pages: they draw numbers that are given to them and compute none."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from ui import theme

__all__ = ["BAR_HEIGHT", "MUTED", "alternative_bars", "bars", "count_bars"]

BAR_HEIGHT = 26
MUTED = "rgba(127, 137, 148, 0.55)"


def bars(
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
        constraintext="none",  # a number in a bar keeps its size
        hovertemplate=hover,
        cliponaxis=False,
    )
    # Plotly takes grey that lets a dark page through for light, and writes on it in black.
    each = colour if isinstance(colour, list) else [colour] * len(labels)
    bar.insidetextfont.color = [theme.ink(on_accent=one != MUTED) for one in each]
    figure = go.Figure(bar)
    figure.update_layout(**theme.chart_layout(x_title=x_title, height=BAR_HEIGHT * len(labels) + 70))
    figure.update_yaxes(tickmode="array", tickvals=places, ticktext=list(labels), autorange="reversed", ticksuffix=" ")
    return figure


def count_bars(counts: pd.DataFrame) -> go.Figure:
    """Tokens of each tokenizer, as `ui.frames.token_counts` gives them."""
    return bars(
        counts["Tokenizer"], counts["Tokens"], "%{x:,} tokens<extra></extra>", x_title="tokens", text_format=",d"
    )


def alternative_bars(table: pd.DataFrame) -> go.Figure:
    """The most probable tokens of one step; the chosen one in the accent."""
    colours = [theme.accent() if chosen else MUTED for chosen in table["Chosen"]]
    return bars(
        table["Token"],
        table["Probability"],
        "%{x:.4f}<extra></extra>",
        x_title="probability in the model's own distribution",
        text_format=".1%",
        colour=colours,
    )
