"""The vocabulary as points, and the tokens that look under-trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

import lmloupe as lm
from lmloupe.model.embeddings.results import Matrix, ProjectionMethod
from lmloupe.vocabulary.table import vocabulary_table
from lmloupe.vocabulary.writing_systems import SCRIPT_CLASSES
from ui.base.downloads import take_away
from ui.base.errors import escape_markdown
from ui.base.labels import token_label
from ui.base.loaders import engine
from ui.pages import page
from ui.prediction.sampling_frames import vocabulary_labels
from ui.state import store as state
from ui.text.vocabulary_view import search
from ui.vectors.charts import neighbour_table

__all__ = [
    "COLOURS",
    "MAX_SUBSET",
    "N_LISTED",
    "chosen_ids",
    "points",
    "points_table",
    "show_token",
    "show_undertrained",
    "undertrained",
]

COLOURS = {"script": "Script", "length": "Length (bytes)", "norm": "Norm"}
AXES = {"pca": ("1st principal axis", "2nd principal axis", "3rd principal axis"), "tsne": ("", "", "")}
N_GROUPS, MAX_SUBSET, N_DEFAULT, N_LISTED = 9, 1000, 600, 40


@st.cache_resource(max_entries=4, show_spinner=False)
def points(
    model: str,
    quantization: lm.Quantization,
    method: ProjectionMethod,
    n_dimensions: Literal[2, 3],
    matrix: Matrix,
    ids: tuple[int, ...] | None,
) -> lm.Projection:
    """The vocabulary, or chosen tokens of it, placed by `Engine.project`."""
    chosen = None if ids is None else list(ids)
    return engine(model, quantization).project(chosen, method, n_dimensions, matrix)


@st.cache_resource(max_entries=4, show_spinner=False)
def undertrained(model: str, quantization: lm.Quantization) -> lm.Undertrained:
    """Plain text tokens whose rows look least trained."""
    return engine(model, quantization).undertrained_tokens(N_LISTED, kinds=("text",))


def chosen_ids(tok: lm.Tokenizer, typed: str, rows: int) -> NDArray[np.int32]:
    """Tokens that hold what is typed; none where nothing is."""
    if not typed:
        return np.empty(0, np.int32)
    found = search(tok, typed, "text").ids
    return np.asarray(found[found < rows], np.int32)


def default_subset(tok: lm.Tokenizer, rows: int) -> NDArray[np.int32]:
    """The first tokens of the vocabulary that begin a word, in most vocabularies the most frequent ones."""
    table = vocabulary_table(tok)
    words = [
        int(i)
        for i, raw in zip(table.ids, table.token_bytes, strict=True)
        if raw[:1] == b" " and raw[1:].isalpha() and len(raw) > 3 and i < rows
    ]
    return np.array(words[:N_DEFAULT], np.int32)


def points_table(tok: lm.Tokenizer, placed: lm.Projection, norms: NDArray[np.float32]) -> pd.DataFrame:
    """One row a point: coordinates, token, id, script, length and norm."""
    table = vocabulary_table(tok)
    where = np.searchsorted(table.ids, placed.ids)
    names = np.array(["none", *SCRIPT_CLASSES[1:]], object)[table.scripts[where]]
    common = pd.Series(names).value_counts().index[:N_GROUPS]
    columns = dict(zip("xyz", placed.points.T, strict=False))
    return pd.DataFrame(
        {
            **columns,
            "Token": vocabulary_labels(tok, len(norms))[placed.ids],
            "Id": placed.ids,
            "Script": np.where(np.isin(names, common), names, "others"),
            "Length (bytes)": table.byte_lengths[where],
            "Norm": norms[placed.ids],
        }
    )


def show_token(loaded: lm.Engine, token_id: int, matrix: Matrix) -> None:
    """The token that a click chose, with its neighbours and the way to the other pages."""
    tok = loaded.tokenizer
    near = neighbour_table(tok, loaded.neighbours(token_id, 8, "cosine", matrix))
    st.markdown(f"**{escape_markdown(token_label(tok, token_id))}** · id {token_id:,} · nearest by cosine:")
    st.dataframe(
        near, hide_index=True, width="stretch",
        column_config={"Similarity": st.column_config.NumberColumn(format="%.4f")},
    )  # fmt: skip
    piece = lm.decode(tok, [token_id])
    if "\ufffd" not in piece and piece.strip():
        st.page_link(
            page("embeddings").path, label="Its row and neighbours", icon=page("embeddings").icon_shortcode,
            query_params=state.link_params(text=piece, token_index=0), help="Embeddings, with this token as the text.",
        )  # fmt: skip


def show_undertrained(model: str, quantization: lm.Quantization, tok: lm.Tokenizer) -> None:
    """A list to try: a chosen one is put into a prompt on Next token."""
    found = undertrained(model, quantization)
    of = "cosine distance to rows known to be unused" if found.indicator == "output_cosine" else "length of the row"
    table = pd.DataFrame(
        {
            "Token": [token_label(tok, int(i)) for i in found.ids],
            "Id": found.ids,
            "Score": found.scores,
            "No text becomes it": found.unreachable,
        }
    )
    st.caption(
        f"The lower the score ({of}), the less training has touched the row; the mean over the vocabulary is "
        f"{found.mean:.3f}, and tokens below {found.threshold:.3f} are worth a try. The method is that of Land and "
        f"Bartolo, “Fishing for Magikarp” (2024). Compared with: {escape_markdown(found.reference)}. These are "
        "candidates, not proofs: choose one and ask the model to repeat it."
    )
    event = st.dataframe(
        table, hide_index=True, width="stretch", height=300, on_select="rerun", selection_mode="single-row",
        key="undertrained", column_config={"Score": st.column_config.NumberColumn(format="%.4f")},
    )  # fmt: skip
    rows: Sequence[int] = event.selection.rows
    if len(rows) and rows[0] < len(found.ids):
        piece = lm.decode(tok, [int(found.ids[rows[0]])])
        prompt = f'Repeat this word exactly: "{piece}". The word is "'
        st.page_link(
            page("next_token").path, label=f"Try {escape_markdown(token_label(tok, int(found.ids[rows[0]])))}",
            icon=page("next_token").icon_shortcode, query_params=state.link_params(text=prompt),
            help="Opens Next token with a prompt that asks for this token; a trained token comes back at the top.",
        )  # fmt: skip
    take_away("undertrained", table, {})
