"""The logit lens on the screen: as it is computed, as a grid, and cell by cell; norms and attribution as charts."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

import lmloupe as lm
from ui.base import theme
from ui.base.labels import token_label
from ui.components.model_views import LensCell, LensRow
from ui.prediction.lens.run import Cell, LensRun

__all__ = ["attribution_chart", "cell_table", "grid", "half_drawn", "layer_name", "legend_words", "norms_chart"]


def layer_name(layer: int, n_layers: int) -> str:
    """The number of a layer, with a word for what comes before the first and out of the last."""
    return {0: "embedding", n_layers: f"{n_layers} output"}.get(layer, str(layer))


def legend_words(by: str, vocab_rows: int) -> tuple[str, str, str]:
    """What the shade means, and the words for its light and its dark end."""
    return {
        "probability": ("Probability of the token in the cell", "0 %", "100 %"),
        "entropy": ("Entropy of the cell's distribution", "0 bits", f"{math.log2(vocab_rows):.1f} bits"),
        "rank": ("Rank of the last layer's answer in the cell", f"{vocab_rows:,}", "1"),
    }[by]


def _share(cell: Cell, by: str, vocab_rows: int) -> float | None:
    share = {
        "probability": math.exp(cell.log_probs[0]),
        "entropy": cell.entropy_bits / math.log2(vocab_rows),
        "rank": 1 - math.log(max(1, cell.final_rank)) / math.log(vocab_rows),
    }[by]
    return float(min(1.0, max(0.0, share))) if math.isfinite(share) else None


def grid(run: LensRun, n_layers: int, positions: range, by: str, tok: lm.Tokenizer, vocab_rows: int) -> list[LensRow]:
    """All layers, the last on top; a cell that is not computed yet is empty."""
    labels: dict[int, str] = {}

    def drawn(layer: int, position: int) -> LensCell:
        cell = run.cells.get((layer, position))
        if cell is None:
            return LensCell("", None, "not computed yet", False)
        best = int(cell.token_ids[0])
        label = labels.setdefault(best, token_label(tok, best))
        title = (
            f"{label} {math.exp(cell.log_probs[0]):.1%}, entropy {cell.entropy_bits:.2f} bits, "
            f"the last layer's answer at rank {cell.final_rank:,}"
        )
        return LensCell(label, _share(cell, by, vocab_rows), title, cell.final_rank == 1)

    return [
        LensRow(layer_name(layer, n_layers), layer, tuple(drawn(layer, position) for position in positions))
        for layer in range(n_layers, -1, -1)
    ]


def half_drawn(rows: Sequence[LensRow], reads: Sequence[str]) -> str:
    """The grid as plain HTML, for while it is being computed. Tokens are a person's or a model's text: escaped."""
    ground = theme.BACKGROUND_DARK if theme.is_dark() else theme.BACKGROUND_LIGHT
    css = "overflow:hidden;white-space:nowrap;text-overflow:ellipsis;padding:0 .2rem;border-radius:3px;height:21px"
    cells = ["<div></div>", *(f'<div style="{css};text-align:center">{html.escape(token)}</div>' for token in reads)]
    for row in rows:
        cells.append(f'<div style="text-align:right;padding-right:.5rem">{html.escape(row.label)}</div>')
        for cell in row.cells:
            shade = "transparent" if cell.share is None else theme.accent()
            weight = ";font-weight:700" if cell.agrees else ""
            mix = f"background:color-mix(in oklab, {shade} {4 + (cell.share or 0) * 50:.0f}%, {ground})"
            cells.append(f'<div style="{css};text-align:center;{mix}{weight}">{html.escape(cell.text)}</div>')
    columns = f"grid-template-columns:74px repeat({len(reads)},minmax(60px,1fr))"
    style = f"display:grid;{columns};gap:2px;overflow-x:auto;font-family:monospace;font-size:12px"
    return f'<div style="{style}">{"".join(cells)}</div>'


def cell_table(cell: Cell, tok: lm.Tokenizer) -> pd.DataFrame:
    """The ten best tokens of a cell."""
    return pd.DataFrame(
        {
            "Token": [token_label(tok, int(i)) for i in cell.token_ids],
            "Id": cell.token_ids,
            "Probability": np.exp(cell.log_probs),
            "Chosen": np.arange(len(cell.token_ids)) == 0,
        }
    )


def norms_chart(run: LensRun, n_layers: int, positions: range, index: int) -> go.Figure:
    """Length of the residual stream by layer: at the chosen position, and the middle of those that are shown."""
    layers = list(range(n_layers + 1))
    norms = np.array([[run.cells[layer, position].norm for position in positions] for layer in layers])
    figure = go.Figure()
    series = [("the chosen position", norms[:, index - positions.start], theme.accent(), 3)]
    series.append(("median of the positions shown", np.median(norms, 1), theme.MUTED_LINE, 2))
    if positions.start == 0 and index != 0:
        series.append(("the first token", norms[:, 0], theme.CONTRAST, 2))
    for name, values, colour, width in series:
        figure.add_scatter(
            x=layers, y=values, name=name, mode="lines", line={"color": colour, "width": width},
            hovertemplate="layer %{x}: %{y:.2f}<extra>" + name + "</extra>",
        )  # fmt: skip
    figure.update_layout(
        **theme.chart_layout(
            x_title="after layer (0 is the embedding)", y_title="Euclidean norm (logarithmic)", height=300,
            showlegend=True, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
            margin={"l": 8, "r": 8, "t": 40, "b": 8},
        )
    )  # fmt: skip
    figure.update_yaxes(type="log")
    return figure


def attribution_chart(
    embedding: float,
    attention: NDArray[np.floating],
    mlp: NDArray[np.floating],
    bias: float,
    soft_cap: float,
    unexplained: float,
) -> go.Figure:
    """What each part adds to one logit: two bars for each layer, one for each of the rest; a soft cap where it acts."""
    layers = [str(layer) for layer in range(1, len(attention) + 1)]
    rest = {"embedding": embedding, "bias": bias} | ({"soft cap": soft_cap} if soft_cap else {})
    rest["unexplained"] = unexplained
    names = ["embedding", *layers, *list(rest)[1:]]
    figure = go.Figure()
    for name, values, colour in (("attention", attention, theme.accent()), ("MLP", mlp, theme.CONTRAST)):
        figure.add_bar(
            x=layers, y=values, name=name, marker_color=colour,
            hovertemplate="layer %{x}, " + name + ": %{y:+.3f}<extra></extra>",
        )  # fmt: skip
    figure.add_bar(
        x=list(rest), y=list(rest.values()), name="the rest", marker_color=theme.MUTED_LINE,
        hovertemplate="%{x}: %{y:+.3f}<extra></extra>",
    )  # fmt: skip
    figure.update_layout(
        **theme.chart_layout(
            x_title="layer", y_title="added to the logit", height=320, showlegend=True, barmode="group",
            legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
            margin={"l": 8, "r": 8, "t": 40, "b": 8},
        )
    )  # fmt: skip
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=names, tickangle=-55)
    return figure
