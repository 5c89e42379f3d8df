"""The vocabulary as points, and the tokens that look under-trained."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

import lmloupe as lm
from lmloupe.model.embeddings.results import Matrix, ProjectionMethod
from lmloupe.vocabulary.table import vocabulary_table
from lmloupe.vocabulary.writing_systems import SCRIPT_CLASSES
from ui.base import theme
from ui.base.downloads import take_away
from ui.base.errors import escape_markdown
from ui.base.glossary.tables import data_table
from ui.base.kept.answers import answered
from ui.base.labels import token_label
from ui.base.loaders import engine
from ui.base.words import counted
from ui.components.map_view import Group, MapPoints, PlaceLabel, pack_points, picked_id
from ui.page import finding
from ui.pages import page
from ui.prediction.sampling_frames import vocabulary_labels
from ui.state import store as state
from ui.text.vocabulary.view import search
from ui.vectors.charts import neighbour_table
from ui.vectors.map_names import LIFT, SHARE, kind_of, place_names, traits_of

__all__ = [
    "COLOURS",
    "MAP",
    "N_LISTED",
    "N_NEAR",
    "SPACE",
    "chosen_ids",
    "explain",
    "packed_map",
    "points",
    "points_table",
    "show_rows",
    "show_token",
    "show_undertrained",
    "take_pick",
    "tsne_ids",
    "undertrained",
]

COLOURS = {"kind": "Kind", "script": "Script", "length": "Length (bytes)", "norm": "Norm"}
N_GROUPS, N_PLACED, N_DEFAULT, N_LISTED, N_NEAR = 9, 1000, 700, 40, 8
N_SHADES, N_LISTED_ROWS = 6, 500
MAP, SPACE = "vocabulary_map_2", "vocabulary_map_3"


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
    return answered(engine(model, quantization), lm.Engine.project, chosen, method, n_dimensions, matrix)


@st.cache_resource(max_entries=4, show_spinner=False)
def undertrained(model: str, quantization: lm.Quantization) -> lm.Undertrained:
    """Plain text tokens whose rows look least trained."""
    return answered(engine(model, quantization), lm.Engine.undertrained_tokens, N_LISTED, kinds=("text",))


def chosen_ids(tok: lm.Tokenizer, typed: str, rows: int) -> NDArray[np.int32]:
    """Tokens that hold what is typed; none where nothing is."""
    if not typed:
        return np.empty(0, np.int32)
    found = search(tok, typed, "text").ids
    return np.asarray(found[found < rows], np.int32)


def tsne_ids(tok: lm.Tokenizer, rows: int, found: NDArray[np.int32]) -> tuple[int, ...]:
    """What t-SNE places: what was found, among the first tokens of the vocabulary that begin a word.

    These are in most vocabularies the most frequent ones.
    """
    table = vocabulary_table(tok)
    words = [
        int(i)
        for i, raw in zip(table.ids, table.token_bytes, strict=True)
        if raw[:1] == b" " and raw[1:].isalpha() and len(raw) > 3 and i < rows
    ]
    return tuple(sorted({*found[: N_PLACED - N_DEFAULT].tolist(), *words[:N_DEFAULT]}))


@st.cache_resource(max_entries=2, show_spinner=False)
def _texts(tok_key: str, _tok: lm.Tokenizer) -> tuple[NDArray[np.object_], NDArray[np.object_], list[tuple[str, ...]]]:
    """Of each token of a vocabulary: its kind, its writing system, and the traits that may name a place."""
    table = vocabulary_table(_tok)
    scripts = np.array(["none", *SCRIPT_CLASSES[1:]], object)[table.scripts]
    kinds, traits = [], []
    for raw, script in zip(table.token_bytes, scripts, strict=True):
        text = _decoded(raw)
        kinds.append(kind_of(text, script))
        traits.append(traits_of(text, script))
    return np.array(kinds, object), scripts, traits


def _decoded(raw: bytes) -> str | None:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


def points_table(tok: lm.Tokenizer, placed: lm.Projection, norms: NDArray[np.float32]) -> pd.DataFrame:
    """One row a point: coordinates, token, id, kind, script, length and norm."""
    table = vocabulary_table(tok)
    where = np.searchsorted(table.ids, placed.ids)
    kinds, scripts, _ = _texts(tok.name, tok)
    columns = dict(zip("xyz", placed.points.T, strict=False))
    return pd.DataFrame(
        {
            **columns,
            "Token": vocabulary_labels(tok, len(norms))[placed.ids],
            "Id": placed.ids,
            "Kind": _common(kinds[where]),
            "Script": _common(scripts[where]),
            "Length (bytes)": table.byte_lengths[where],
            "Norm": norms[placed.ids],
        }
    )


def _common(names: NDArray[np.object_]) -> NDArray[np.object_]:
    """The names, those that are not among the most common ones put together."""
    common = pd.Series(names).value_counts().index[:N_GROUPS]
    return np.where(np.isin(names, common), names, "others")


def grouped(table: pd.DataFrame, colour: str) -> tuple[NDArray[np.intp], list[Group]]:
    """The group of each row, and what the groups are: names in colours, or numbers in shades of the accent."""
    column = table[colour]
    if not pd.api.types.is_numeric_dtype(column):
        names = column.value_counts(sort=True).index
        found = names.get_indexer(column)
        counts = np.bincount(found, minlength=len(names))
        return found, [
            Group(f"{name} ({n:,})", theme.GROUPS[i % len(theme.GROUPS)])
            for i, (name, n) in enumerate(zip(names, counts, strict=True))
        ]
    bounds = np.unique(np.quantile(column, np.linspace(0, 1, N_SHADES + 1)))
    found = np.clip(np.searchsorted(bounds, column, side="right") - 1, 0, max(0, len(bounds) - 2))
    written = "{:,.0f}" if colour == "Length (bytes)" else "{:.2f}"
    pairs = list(pairwise(bounds)) or [(bounds[0], bounds[0])]
    return found, [
        Group(f"{written.format(low)} to {written.format(high)}", i / max(1, len(pairs) - 1))
        for i, (low, high) in enumerate(pairs)
    ]


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs={lm.Projection: id})
def packed_map(tok_key: str, _tok: lm.Tokenizer, placed: lm.Projection, _table: pd.DataFrame, colour: str) -> MapPoints:
    """The map for the browser, packed once: words that begin a word come first, those learned earlier before others."""
    groups, legend = grouped(_table, colour)
    tokens = _table["Token"].to_numpy()
    plain = np.fromiter((label[:1] == "␣" and label[1:].isalpha() for label in tokens), bool, len(tokens))
    order = np.lexsort((placed.ids, ~plain))
    vocabulary = vocabulary_table(_tok)
    own = _texts(_tok.name, _tok)[2]
    traits = [own[i] for i in np.searchsorted(vocabulary.ids, placed.ids)]
    names = [PlaceLabel(place.name, place.x, place.y) for place in place_names(placed.points, traits)]
    how = "by t-SNE" if placed.method == "tsne" else "along the first two principal axes"
    return pack_points(
        placed.points[order], placed.ids[order], tokens[order].tolist(), groups[order], legend, legend_title=colour,
        names=names, label=f"Map of {len(tokens):,} tokens {how}.",
    )  # fmt: skip


def take_pick(rows: int) -> None:
    """Choose the token that a click on the map chose, in two dimensions or in three: a callback."""
    found = picked_id(MAP)
    chart = st.session_state.get(SPACE)
    if chart is not None:
        clicked = [point.get("customdata") for point in chart.selection.points]
        first = clicked[0] if clicked else None
        found = first[0] if isinstance(first, list) else first
    if isinstance(found, int) and 0 <= found < rows:
        state.put("map_token", found)


def kept_near(placed: lm.Projection, token_id: int, near: NDArray[np.int32]) -> int | None:
    """How many of a token's nearest tokens are also among as many nearest points of the map; None where it has none."""
    own = np.flatnonzero(placed.ids == token_id)
    if not len(own):
        return None
    far = np.linalg.norm(placed.points - placed.points[own[0]], axis=1)
    far[own[0]] = np.inf
    nearest = placed.ids[np.argpartition(far, min(len(near), len(far) - 1))[: len(near)]]
    return int(np.isin(near, nearest).sum())


def explain(placed: lm.Projection, typed: str, n_found: int) -> None:
    """What the picture means and what it does not, under it."""
    if placed.method == "tsne":
        said = f"The first {N_DEFAULT} tokens that begin a word, and what is marked. In t-SNE only neighbourhoods mean "
        said += "something, not distances or cluster sizes."
    else:
        said = "Tokens with similar rows lie close together, as far as so few axes allow: far apart here is far apart, "
        said += "close together may be far apart along the other axes."
    if typed:
        said += f" {counted(n_found, 'token')} contain{'s' if n_found == 1 else ''} the search text."
    if placed.points.shape[1] == 3:
        st.caption(f"{said} Drag to turn the picture, scroll to zoom, click a point for its neighbours.")
        return
    said += " Words that the tokenizer learned earlier are written first; zoom in for more. Lines lead to the nearest "
    said += f"tokens. Names in italics: {SHARE:.0%} or more of the tokens at that place have this in common, {LIFT:g} "
    said += "times as many as on the whole map; computed from their text."
    st.caption(said)


def show_rows(table: pd.DataFrame, found: NDArray[np.int32]) -> None:
    """The map as a table: what was found, or the first tokens."""
    rows = table[table["Id"].isin(found)] if len(found) else table
    with st.expander("The map as a table"):
        data_table(rows.head(N_LISTED_ROWS), hide_index=True, width="stretch")
        if len(rows) > N_LISTED_ROWS:
            st.caption(f"The first {N_LISTED_ROWS:,} of {len(rows):,} tokens; the CSV has all of the map.")


def show_token(loaded: lm.Engine, placed: lm.Projection, token_id: int, near: lm.Neighbours) -> None:
    """The chosen token: the beginning of its row, its neighbours, and the way to the other pages."""
    tok = loaded.tokenizer
    label = token_label(tok, token_id)
    finding(f"{label} (id {token_id:,}) is nearest to {token_label(tok, int(near.ids[0]))}")
    data_table(
        neighbour_table(tok, near), hide_index=True, width="stretch",
        column_config={"Similarity": st.column_config.NumberColumn("Cosine", format="%.3f")},
    )  # fmt: skip
    kept = kept_near(placed, token_id, near.ids)
    if kept is not None:
        verb = "lies" if kept == 1 else "lie"
        st.caption(
            f"{kept} of these {len(near.ids)} {verb} among its {len(near.ids)} nearest points of the map: the cosines "
            f"compare all numbers of the rows, and the map places each row by {placed.points.shape[1]}."
        )
    row = loaded.embed([token_id])[0]
    st.markdown(f"Its row begins `{np.array2string(row[:4], precision=4, separator=', ')[1:-1]}`, …")
    piece = lm.decode(tok, [token_id])
    if "\ufffd" not in piece and piece.strip():
        st.page_link(
            page("embeddings").path, label="All of its row", icon=page("embeddings").icon_shortcode,
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
    event = data_table(
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
