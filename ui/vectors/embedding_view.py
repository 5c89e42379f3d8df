"""The views of Embeddings, each drawn only when it is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

import lmloupe as lm
from lmloupe.model.embeddings.results import Matrix, Metric
from ui.base.downloads import PICTURE_MENU, take_away
from ui.base.errors import escape_markdown
from ui.base.glossary.tables import data_table
from ui.base.labels import token_label
from ui.base.loaders import engine as loaded_engine
from ui.components.vector_view import picked_index, vector_view
from ui.page import finding
from ui.state import store as state
from ui.state.thread import select
from ui.vectors.charts import cosine_heatmap, neighbour_bars, neighbour_table, sentence_heatmap

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

__all__ = [
    "MAX_SHOWN",
    "VIEWS",
    "dimensions_shown",
    "one_token",
    "pick_token",
    "show_arithmetic",
    "show_cosines",
    "show_matrix",
    "show_neighbours",
]

VIEWS = {
    "matrix": "Heat map",
    "cosine": "Cosines in the text",
    "neighbours": "Nearest tokens",
    "arithmetic": "a − b + c",
}
DIMENSIONS = {"all": "all", "64": "64", "12": "12, with numbers"}
N_FACTS, MAX_SHOWN, STRIP = 12, 2000, "embedding_strip"


@st.cache_resource(max_entries=4, show_spinner=False)
def mean_norm(model: str, quantization: lm.Quantization) -> float:
    """Mean length of the rows of the input matrix that tokens use."""
    engine = loaded_engine(model, quantization)
    return float(engine.embedding_norms()[: engine.tokenizer.vocab_size].mean())


def pick_token(engine: lm.Engine, enc: lm.Encoding, index: int, vector: NDArray[np.float32]) -> None:
    """The tokens in a row, and the chosen one's vector with its numbers; a click chooses another."""
    described = engine.describe()
    shown = min(len(enc), MAX_SHOWN)
    where = {"cpu": "the CPU", "cuda": "the GPU", "mps": "the GPU (MPS)"}.get(described.device, described.device)
    largest = int(np.abs(vector).argmax())
    written = f"{vector[largest]:.3f}".replace("-", "−")
    shape = f"({len(enc):,}, {len(vector):,}), {described.compute_dtype}, on {where}"
    said = (
        f"Length (norm) {np.linalg.norm(vector):.3f}; the largest number is {written} in dimension "
        f"{largest + 1}. The whole text becomes a tensor of shape {shape}: one row for each token."
    )
    if shown < len(enc):
        said += f" The first {shown:,} of {len(enc):,} tokens are shown."

    def take() -> None:
        place = picked_index(STRIP)
        if place is not None and 0 <= place < shown:
            select(enc, place)

    labels = [token_label(engine.tokenizer, int(i)) for i in enc.input_ids[:shown]]
    special = enc.special_tokens_mask[:shown].tolist()
    vector_view(labels, special, index, int(enc.input_ids[index]), vector, more=said, key=STRIP, on_pick=take)


def dimensions_shown(width: int) -> tuple[int, int]:
    """The first dimension that the heat map shows, from 0, and how many; the controls for both."""
    zoom = state.segmented(
        "dimensions", "Dimensions of the heat map", format_func=DIMENSIONS.__getitem__,
        help="With 12 dimensions the values are written in the cells.",
    )  # fmt: skip
    if zoom == "all" or width <= int(zoom):
        return 0, width
    n = int(zoom)
    first = state.slider("dimension_from", "From dimension", max_value=width - n, help="Moves the window.")
    return int(first), n


def show_matrix(
    rows: NDArray[np.float32], labels: Sequence[str], marked: int, mean: float, window: tuple[int, int]
) -> None:
    """Tokens x dimensions, and the lengths of the rows."""
    first, n = window
    norms = np.linalg.norm(rows, axis=1)
    long, short = int(norms.argmax()), int(norms.argmin())
    if len(set(labels)) > 1 and norms[long] > norms[short]:
        finding(
            f"{labels[long]} has the longest row ({norms[long]:.2f}), {labels[short]} the shortest ({norms[short]:.2f})"
        )
    else:
        which = "All rows are the row of" if len(labels) > 1 else "The row of"
        also = ":" if len(labels) > 1 else " is"
        finding(f"{which} {labels[0]}{also} {norms[0]:.2f} long; the mean of the vocabulary is {mean:.2f}")
    st.plotly_chart(
        sentence_heatmap(rows[:, first : first + n], labels, first, marked, norms, mean), width="stretch",
        config=PICTURE_MENU, key="sentence_matrix",
    )  # fmt: skip
    st.caption(
        "Each row is a token's row of the embedding matrix, before any layer; beside it its length (norm), the root of "
        f"the sum of squares. The dotted line is the vocabulary's mean length, {mean:.2f}. Drag to zoom in, "
        "double-click to reset. How many dimensions are shown is under Settings."
    )
    table = pd.DataFrame(rows[:, first : first + n], columns=[f"dim {i + 1}" for i in range(first, first + n)])
    table.insert(0, "Token", list(labels))
    table.insert(1, "Length", norms)
    _twin(table.iloc[:, : 2 + N_FACTS], f"The first {N_FACTS} of these dimensions as a table")
    take_away("embedding", table, {"embedding": (lambda: rows, f"float32 {rows.shape}: token, dimension")})


def _twin(table: pd.DataFrame, label: str = "The same as a table") -> None:
    with st.expander(label):
        data_table(table, hide_index=True, width="stretch")


def show_cosines(rows: NDArray[np.float32], labels: Sequence[str], enc: lm.Encoding, first: int) -> None:
    """Cosine of each token of the text with each other; a click on a cell selects its pair."""
    cosines = lm.cosine_matrix(rows)
    heading = st.container()
    event = st.altair_chart(
        cosine_heatmap(cosines, labels, "pair"), width="stretch", on_select="rerun", key="cosine_matrix"
    )
    pair = [point for point in event.selection.get("pair", []) if isinstance(point, dict)]
    ids = enc.input_ids[first : first + len(labels)]
    others = np.where(ids[:, None] == ids, -np.inf, cosines)  # a token and itself further on are one row
    if pair and all(isinstance(pair[0].get(name), int) for name in ("row", "column")):
        i, j = (min(max(int(pair[0][name]), 0), len(labels) - 1) for name in ("row", "column"))
        select(enc, first + i)
    else:
        i, j = divmod(int(others.argmax()), len(labels))
    with heading:
        if pair:
            finding(f"The pair that you clicked: “{labels[i]}” and “{labels[j]}”, cosine {cosines[i, j]:.3f}")
        elif np.isfinite(others[i, j]):
            finding(f"Most alike in this text: “{labels[i]}” and “{labels[j]}”, cosine {cosines[i, j]:.3f}")
        else:
            alone = "One token has" if len(labels) == 1 else f"“{labels[0]}” is every token here and has"
            finding(f"{alone} no other to be compared with: write more text")
    st.caption(
        "These are the rows before any layer: the same token has cosine 1 with itself wherever it is. What the "
        "context makes of it is on the page One word, three meanings. Click a cell for another pair. The menu at the "
        "chart's corner saves it as SVG or PNG."
    )
    table = pd.DataFrame(cosines, columns=[f"{i + 1} {label}" for i, label in enumerate(labels)])
    table.insert(0, "Token", list(labels))
    _twin(table)
    take_away("cosines", table, {"cosines": (lambda: cosines, f"float32 {cosines.shape}: token, token")})


def _how(tied: bool) -> tuple[int, Metric, Matrix]:
    """How many, the measure and the matrix."""
    with st.container():
        k = state.slider("neighbours", "How many neighbours", help="Tokens to list, out of all rows of the matrix.")
        metric = state.segmented(
            "metric", "Measure", help="Cosine compares directions; the dot product also rewards long vectors."
        )
        matrix: Matrix = "input"
        if not tied:
            matrix = state.segmented(
                "matrix", "Matrix", help="Input: what an id becomes. Output: what the last state is compared with."
            )
    if tied:
        st.caption("In this model the output matrix is the input matrix (tied), so there is one list.")
    return k, metric, matrix


def show_neighbours(engine: lm.Engine, token_id: int, tied: bool, gear: DeltaGenerator) -> tuple[int, Metric, Matrix]:
    """The rows nearest to a token's; returns how they were asked for."""
    with gear:
        k, metric, matrix = _how(tied)
    table = neighbour_table(engine.tokenizer, engine.neighbours(token_id, k, metric, matrix))
    measure = "cosine" if metric == "cosine" else "dot product"
    own, first = token_label(engine.tokenizer, token_id), table.iloc[0]
    finding(f"Nearest to {own} is {first['Token']}, {measure} {first['Similarity']:.3f}")
    _bars_and_table(table, metric, "neighbours_of_token")
    return k, metric, matrix


def _bars_and_table(table: pd.DataFrame, metric: str, name: str) -> None:
    chart_column, table_column = st.columns(2)
    with chart_column:
        st.plotly_chart(neighbour_bars(table, metric), width="stretch", config=PICTURE_MENU, key=f"{name}_bars")
    with table_column:
        data_table(
            table,
            hide_index=True,
            width="stretch",
            column_config={"Similarity": st.column_config.NumberColumn(format="%.4f")},
        )
    take_away(name, table, {})


def one_token(tok: lm.Tokenizer, name: str, text: str) -> int:
    """The id of a text that is one token.

    Raises:
        lmloupe.InvalidTextError: it is none or several.
    """
    ids = lm.encode(tok, text).input_ids
    if len(ids) != 1:
        pieces = " ".join(token_label(tok, int(i)) for i in ids[:N_FACTS])
        raise lm.InvalidTextError(
            f"{name} is {text!r}, which is {len(ids)} tokens{f' ({pieces})' if pieces else ''} and must be one: try it "
            "with a space in front, or a more common word."
        )
    return int(ids[0])


def show_arithmetic(
    engine: lm.Engine, tied: bool, gear: DeltaGenerator
) -> tuple[tuple[int, int, int], int, Metric, Matrix]:
    """Row a - row b + row c and its neighbours, with the word on when that fails."""
    tok = engine.tokenizer
    with st.container(horizontal=True, gap="medium"):
        texts = [
            state.text_input(f"analogy_{name}", label, width=200, help="One token; mind the space in front of a word.")
            for name, label in (("a", "a"), ("b", "− b"), ("c", "+ c"))
        ]
    with gear:
        k, metric, matrix = _how(tied)
    a, b, c = (one_token(tok, name, text) for name, text in zip("abc", texts, strict=True))
    found = engine.analogy(a, b, c, k, metric, matrix)
    finding(
        f"{token_label(tok, a)} − {token_label(tok, b)} + {token_label(tok, c)} is closest to "
        f"{token_label(tok, int(found.ids[0]))} (the three inputs excluded)"
    )
    if matrix == "input":
        rows = engine.embed([a, b, c])
        nearest = engine.neighbours(rows[0] - rows[1] + rows[2], 1, metric)
        label = escape_markdown(token_label(tok, int(nearest.ids[0])))
        st.caption(f"With the inputs included, the nearest of all would be {label} ({nearest.similarities[0]:.3f}).")
    _bars_and_table(neighbour_table(tok, found), metric, "arithmetic")
    st.caption(
        "When it fails: excluding a, b and c flatters the method, because one of them is nearly always nearest. It "
        "works for some pairs that differ in grammar or by name, and not for most relations between things. A word of "
        "several tokens has no row of its own, and these rows were trained to serve the layers after them, not this."
    )
    return (a, b, c), k, metric, matrix
