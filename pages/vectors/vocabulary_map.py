"""Vocabulary map: every token's row as a point, and the tokens that look under-trained."""

from __future__ import annotations

import streamlit as st

from lmloupe.model.embeddings.results import Matrix
from ui.bar.bar import page_bar
from ui.base.downloads import PICTURE_MENU, take_away
from ui.base.errors import show_errors
from ui.base.words import counted
from ui.components.map_view import map_view
from ui.model.choice import choose_model
from ui.page import finding, reproduce, words_here
from ui.state import store as state
from ui.vectors import map_view as view
from ui.vectors.charts import vocabulary_points
from ui.vectors.map_code import map_code

METHODS = {"pca": "PCA, the whole vocabulary", "tsne": "t-SNE, frequent words"}

bar = page_bar("map")
typed = bar.text("map_search", "Mark the tokens that contain", placeholder="part of a token, such as nut")
model, quantization, engine = choose_model(bar)

with show_errors():
    tok, described = engine.tokenizer, engine.describe()
    with bar.gear:
        method = state.segmented(
            "map_method", "Method", format_func=METHODS.__getitem__, help="PCA keeps distances, t-SNE neighbourhoods."
        )
        space = state.segmented("map_space", "Dimensions", help="Three dimensions can be turned with the mouse.")
        colour = view.COLOURS[
            state.segmented(
                "map_colour", "Colour", format_func=view.COLOURS.__getitem__, help="Of the token's text, or of its row."
            )
        ]
        matrix: Matrix = "input"
        if not described.tied_embeddings:
            matrix = state.segmented(
                "matrix", "Matrix", help="Input: what an id becomes. Output: what the last state is compared with."
            )
    rows = min(tok.vocab_size, described.vocab_rows)
    found = view.chosen_ids(tok, typed, rows)
    chosen = state.get("map_token")
    if not 0 <= chosen < rows:
        chosen = int(found[0]) if len(found) else -1
    ids = view.tsne_ids(tok, rows, found) if method == "tsne" else None
    with st.spinner("Placing the tokens …", show_time=True):
        placed = view.points(model, quantization, method, 3 if space == "3" else 2, matrix, ids)
    norms = engine.embedding_norms(matrix)
    table = view.points_table(tok, placed, norms)
    near = engine.neighbours(chosen, view.N_NEAR, "cosine", matrix) if chosen >= 0 else None
    share = placed.explained_variance_ratio
    picture, beside = st.columns([3, 1])
    with picture:
        if share is not None:
            flat = f"Flattened from {described.embedding_width} numbers to {space}"
            finding(f"{flat}, the map keeps {share.sum():.0%} of the variance")
        else:
            finding(f"{counted(len(table), 'token')}, each near those with similar rows")
        if space == "2":
            packed = view.packed_map(tok.name, tok, placed, table, colour)
            map_view(
                packed, found=found.tolist(), picked=chosen, near=[] if near is None else near.ids.tolist(),
                key=view.MAP, on_pick=lambda: view.take_pick(rows),
            )  # fmt: skip
        else:
            lit = table.index[table["Id"].isin(found)].tolist()
            axes = [f"axis {i + 1}" if share is None else f"axis {i + 1} ({share[i]:.1%})" for i in range(3)]
            chart = vocabulary_points(table, axes, colour, lit)
            st.plotly_chart(
                chart, width="stretch", key=view.SPACE, on_select=lambda: view.take_pick(rows),
                selection_mode="points", config=PICTURE_MENU | {"scrollZoom": True},
            )  # fmt: skip
    with beside:
        if near is not None:
            view.show_token(engine, placed, chosen, near)
        else:
            st.info("Click a word to see its row and its neighbours.", icon=":material/ads_click:")
    view.explain(placed, typed, len(found))
    view.show_rows(table, found)
    axes_words = f"float32 {placed.points.shape}: the tokens of the CSV, coordinates"
    take_away("vocabulary_map", table, {"points": (lambda: placed.points, axes_words)})

    st.header("Tokens that look under-trained", anchor=False)
    view.show_undertrained(model, quantization, tok)
    words_here("embedding", "vector", "cosine_similarity")
    reproduce(
        map_code(
            engine,
            view.undertrained(model, quantization),
            method=method,
            n_dimensions=int(space),
            matrix=matrix,
            ids=ids,
            n_listed=view.N_LISTED,
        )
    )
