"""The logit lens on the screen: as it is computed, as a grid, and cell by cell."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

import lmloupe as lm
from ui.base import theme
from ui.base.labels import token_label
from ui.base.words import percent, probability
from ui.components.model_views import LensCell, LensRow
from ui.prediction.lens.run import Cell, LensRun

__all__ = [
    "answer_from",
    "cell_table",
    "changing_layers",
    "first_window",
    "grid",
    "half_drawn",
    "layer_name",
    "legend_words",
    "lens_finding",
    "lens_twin",
    "line_starts",
]


def layer_name(layer: int, n_layers: int) -> str:
    """The number of a layer, with a word for what comes before the first and out of the last."""
    return {0: "0 embedding", n_layers: f"{n_layers} output"}.get(layer, str(layer))


def legend_words(by: str, vocab_rows: int) -> tuple[str, tuple[str, ...]]:
    """What the shade means, and the words along its scale, from nothing to the strongest."""
    bits, rows = math.log2(vocab_rows), vocab_rows
    return {
        "probability": ("Shade: probability of the token in the cell", ("0%", "50%", "100%")),
        "entropy": ("Shade: entropy of the cell's distribution", ("0 bits", f"{bits / 2:.1f}", f"{bits:.1f} bits")),
        "rank": ("Shade: rank of the last layer's first guess", (f"{rows:,}", f"{math.sqrt(rows):,.0f}", "1")),
    }[by]


def first_window(lines: Sequence[bool], shown: int) -> int:
    """Where the columns begin that are shown at first: with the last line of the text, as far as it fits.

    Args:
        lines: for each token whether a line of the text begins with it.
        shown: how many columns fit.

    >>> first_window([True, False, False, True, False], 3), first_window([True] + [False] * 4, 3)
    (3, 2)
    """
    last_line = max((i for i, begins in enumerate(lines) if begins), default=0)
    return max(last_line, len(lines) - shown)


def line_starts(enc: lm.Encoding) -> list[bool]:
    """For each token whether a line of the text begins with it."""
    starts = enc.offsets[:, 0].tolist()
    return [start == 0 or (0 < start <= len(enc.text) and enc.text[start - 1] == "\n") for start in starts]


def answer_from(run: LensRun, n_layers: int, position: int) -> int:
    """The layer from which on every layer's first guess is the last layer's, up to the last."""
    layer = n_layers
    while layer > 0 and run.cells[layer - 1, position].final_rank == 1:
        layer -= 1
    return layer


def lens_finding(run: LensRun, n_layers: int, position: int, reads: str, answer: str) -> str:
    """What the grid shows at a position: from which layer on the answer is the first guess, and how sure it becomes."""
    since = answer_from(run, n_layers, position)
    share = percent(math.exp(run.cells[n_layers, position].log_probs[0]))
    early = any(run.cells[layer, position].final_rank == 1 for layer in range(since))
    last = f"again in the last layer, {n_layers}" if early else f"only in the last layer, {n_layers}"
    when = {0: "in every layer", n_layers: last}.get(since, f"from layer {since} on")
    return f"After “{reads}”, “{answer}” is the first guess {when} ({share} at the end)"


def changing_layers(run: LensRun, n_layers: int, position: int) -> list[int]:
    """The layers whose first guess at a position differs from the layer before; always the embedding and the last."""
    best = [int(run.cells[layer, position].token_ids[0]) for layer in range(n_layers + 1)]
    return [layer for layer in range(n_layers + 1) if layer in (0, n_layers) or best[layer] != best[layer - 1]]


def _share(cell: Cell, by: str, vocab_rows: int) -> float | None:
    share = {
        "probability": math.exp(cell.log_probs[0]),
        "entropy": cell.entropy_bits / math.log2(vocab_rows),
        "rank": 1 - math.log(max(1, cell.final_rank)) / math.log(vocab_rows),
    }[by]
    return float(min(1.0, max(0.0, share))) if math.isfinite(share) else None


def grid(
    run: LensRun,
    n_layers: int,
    positions: range,
    by: str,
    tok: lm.Tokenizer,
    vocab_rows: int,
    layers: Sequence[int] | None = None,
) -> list[LensRow]:
    """All layers, or some, the last on top; a cell that is not computed yet is empty."""
    labels: dict[int, str] = {}

    def drawn(layer: int, position: int) -> LensCell:
        cell = run.cells.get((layer, position))
        if cell is None:
            return LensCell("", None, "not computed yet", False)
        best = int(cell.token_ids[0])
        label = labels.setdefault(best, token_label(tok, best))
        title = (
            f"{label} {probability(math.exp(cell.log_probs[0]))}, entropy {cell.entropy_bits:.2f} bits, "
            f"the last layer's first guess at rank {cell.final_rank:,}"
        )
        return LensCell(label, _share(cell, by, vocab_rows), title, cell.final_rank == 1)

    return [
        LensRow(layer_name(layer, n_layers), layer, tuple(drawn(layer, position) for position in positions))
        for layer in sorted(range(n_layers + 1) if layers is None else layers, reverse=True)
    ]


def half_drawn(rows: Sequence[LensRow], reads: Sequence[str]) -> str:
    """The grid as plain HTML, for while it is being computed. Tokens are a person's or a model's text: escaped."""
    strong, ground = ("#a5dcf0", theme.BACKGROUND_DARK) if theme.is_dark() else ("#0d4a60", theme.BACKGROUND_LIGHT)
    css = "overflow:hidden;white-space:nowrap;text-overflow:ellipsis;padding:0 .2rem;border-radius:3px;height:1.25rem"
    cells = ["<div></div>", *(f'<div style="{css};text-align:center">{html.escape(token)}</div>' for token in reads)]
    for row in rows:
        cells.append(f'<div style="text-align:right;padding-right:.5rem">{html.escape(row.label)}</div>')
        for cell in row.cells:
            share = cell.share or 0
            weight = ";font-weight:700" if cell.agrees else ""
            dark_text = share > 0.545 if theme.is_dark() else share <= 0.715
            ink = "#000" if dark_text else "#fff"
            mix = f"color:{ink};background:color-mix(in oklab, {strong} {share:.0%}, {ground})"
            cells.append(f'<div style="{css};text-align:center;{mix}{weight}">{html.escape(cell.text)}</div>')
    columns = f"grid-template-columns:5.5rem repeat({len(reads)},minmax(3.5rem,8.25rem))"
    style = f"display:grid;{columns};gap:2px;overflow-x:auto;font-family:monospace;font-size:.8rem"
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


def lens_twin(rows: Sequence[LensRow], reads: Sequence[str], first: int) -> pd.DataFrame:
    """The grid as a table: a row for each layer, a column for each token that was read, numbered from 1."""
    table = {"Layer": [row.label for row in rows]}
    for c, token in enumerate(reads):
        table[f"{first + c + 1} {token}"] = [row.cells[c].title.split(", entropy")[0] for row in rows]
    return pd.DataFrame(table)
