"""Vocabulary map: every token's row as a point, and the tokens that look under-trained."""

from __future__ import annotations

import streamlit as st

from lmloupe.model.embeddings.results import Matrix
from ui.base.downloads import PICTURE_MENU, take_away
from ui.base.errors import show_errors
from ui.base.words import counted
from ui.model.choice import choose_model
from ui.page import page_header, reproduce
from ui.state import store as state
from ui.vectors import map_view as view
from ui.vectors.charts import vocabulary_points
from ui.vectors.map_code import map_code

METHODS = {"pca": "PCA, the whole vocabulary", "tsne": "t-SNE, a part of it"}

page_header(
    "Vocabulary map",
    "Each point is a token; tokens with similar embedding vectors lie close together, as far as two or three "
    "dimensions allow. Search, hover or click.",
)
model, quantization, engine = choose_model()

with show_errors():
    tok, described = engine.tokenizer, engine.describe()
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        method = state.segmented(
            "map_method", "Method", format_func=METHODS.__getitem__, help="PCA keeps distances, t-SNE neighbourhoods."
        )
        space = state.segmented("map_space", "Dimensions", help="Three dimensions can be turned with the mouse.")
        colour = state.segmented(
            "map_colour", "Colour", format_func=view.COLOURS.__getitem__, help="Of the token's text, or of its row."
        )
        matrix: Matrix = "input"
        if not described.tied_embeddings:
            matrix = state.segmented(
                "matrix", "Matrix", help="Input: what an id becomes. Output: what the last state is compared with."
            )
    typed = state.text_input(
        "map_search", "Search", placeholder="part of a token, such as nut", help="Marks the tokens that contain it."
    )
    rows = min(tok.vocab_size, described.vocab_rows)
    found = view.chosen_ids(tok, typed, rows)
    ids = None
    if method == "tsne":
        subset = found[: view.MAX_SUBSET] if len(found) >= 5 else view.default_subset(tok, rows)
        ids = tuple(subset.tolist())
    with st.spinner("Placing the tokens …", show_time=True):
        placed = view.points(model, quantization, method, 3 if space == "3" else 2, matrix, ids)
    norms = engine.embedding_norms(matrix)
    table = view.points_table(tok, placed, norms)
    lit = [] if method == "tsne" else table.index[table["Id"].isin(found)].tolist()
    share = placed.explained_variance_ratio
    if share is not None:
        axes = [f"{name} ({part:.1%} of the variance)" for name, part in zip(view.AXES["pca"], share, strict=False)]
        said = f"{len(table):,} tokens; the {space} axes show {share.sum():.1%} of the variance of the rows."
    else:
        axes = [""] * int(space)
        which = "tokens found" if len(found) >= 5 else "first tokens that begin a word; search to choose others"
        said = f"{len(table):,} {which}. In t-SNE only neighbourhoods mean something, not distances or cluster sizes."
    if typed:
        said += f" {counted(len(found), 'token')} contain{'s' if len(found) == 1 else ''} the search text"
        said += ": point at one, or empty the search to point at any." if lit else "."
    figure = vocabulary_points(table, axes, view.COLOURS[colour], lit)
    chart_column, token_column = st.columns([5, 2])
    with chart_column:
        event = st.plotly_chart(
            figure, width="stretch", on_select="rerun", selection_mode="points", key="vocabulary_points",
            config=PICTURE_MENU | {"scrollZoom": True, "modeBarButtons": [["toImage", "resetScale2d"]]},
        )  # fmt: skip
        st.caption(said + " Scroll to zoom; the camera at the corner saves the picture as SVG.")
    with token_column:
        picked = [int(point["customdata"][0] if isinstance(point["customdata"], list) else point["customdata"])
                  for point in event.selection.points if point.get("customdata") is not None]  # fmt: skip
        if picked and 0 <= picked[0] < rows:
            view.show_token(engine, picked[0], matrix)
        elif len(found):
            view.show_token(engine, int(found[0]), matrix)
        else:
            st.info("Click a point to see the token and its neighbours.", icon=":material/ads_click:")
    axes_words = f"float32 {placed.points.shape}: the tokens of the CSV, coordinates"
    take_away("vocabulary_map", table, {"points": (lambda: placed.points, axes_words)})

    st.subheader("Tokens that look under-trained", anchor=False)
    view.show_undertrained(model, quantization, tok)
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
