"""The ruler: where several tokenizers cut one text, on one axis of characters."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from lmloupe.encodings.alignment import Alignment
from ui.base import theme
from ui.base.chips import visible
from ui.base.errors import escape_plotly

__all__ = ["agreement_table", "ruler_chart"]


def ruler_chart(aligned: Alignment, names: list[str], start: int, n_shown: int) -> go.Figure:
    """Cuts of every tokenizer between two characters: in the accent where it cuts alone, thin where others cut too."""
    end = min(len(aligned.text), start + n_shown)
    figure = go.Figure()
    for row in range(len(names)):
        cuts = aligned.cuts(row)
        cuts = cuts[(cuts >= start) & (cuts <= end)]
        alone = np.isin(cuts, aligned.alone[row])
        everyone = aligned.counts[cuts] == len(names)
        colours = np.where(alone, theme.accent(), theme.MUTED_LINE)
        figure.add_scatter(
            x=cuts,
            y=np.full(len(cuts), row),
            mode="markers",
            marker={
                "symbol": "line-ns",
                "size": np.where(everyone, 26, 18),
                "line": {"width": np.where(alone, 4, 2), "color": colours.tolist()},
            },
            customdata=np.stack([aligned.counts[cuts], cuts + 1], axis=1),
            hovertemplate="before character %{customdata[1]}: %{customdata[0]} of "
            + str(len(names))
            + " cut here<extra></extra>",
        )
    figure.update_layout(**theme.chart_layout(height=52 * len(names) + 70))
    figure.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=[escape_plotly(name) for name in names],
        range=[len(names) - 0.5, -0.5],
        showgrid=False,
        ticksuffix="  ",
    )
    middles = [place + 0.5 for place in range(start, end)]
    figure.update_xaxes(
        tickvals=middles,
        ticktext=[escape_plotly(visible(char)) for char in aligned.text[start:end]],
        range=[start - 0.5, end + 0.5],
        tickangle=0,
        showgrid=False,
        ticks="",
    )
    return figure


def agreement_table(aligned: Alignment, names: list[str]) -> pd.DataFrame:
    """Share of common cuts of each pair (Jaccard index), and how often each cuts alone."""
    table = pd.DataFrame(aligned.agreement.round(3), columns=names)
    table.insert(0, "Tokenizer", names)
    table["Cuts alone"] = [len(alone) for alone in aligned.alone]
    return table
