"""Embeddings: the vectors behind the ids of a text, how they lie to each other, and which tokens are nearest."""

from __future__ import annotations

import streamlit as st

from ui.bar.bar import page_bar
from ui.base.errors import show_errors
from ui.base.labels import token_label
from ui.base.loaders import encoding
from ui.model.choice import choose_model
from ui.model.transformers_code import loading_code
from ui.page import reproduce, words_here
from ui.state import store as state
from ui.state.thread import selected, show_thread, window_start
from ui.vectors import embedding_view as view

N_ROWS = 36
CODE = """
import lmloupe as lm
import numpy as np

engine = lm.load_engine({model!r}, quantization={quantization!r})
vector = engine.embed([{token_id}])[0]          # float32 ({width},)
print(np.linalg.norm(vector))
near = engine.{ask}  # .ids, .similarities
for token_id, similarity in zip(near.ids, near.similarities):
    print(token_id, engine.tokenizer.token_bytes(token_id), similarity)

# The same with transformers alone
{loading}
matrix = model.get_{matrix}_embeddings().weight[:{n_tokens}].detach().float()
a, b, c = {abc}
vector = matrix[a] - matrix[b] + matrix[c]
scores = {score}
scores[{left_out}] = -torch.inf
for token_id in scores.topk({k}).indices.tolist():
    print(token_id, float(scores[token_id]))
"""
SCORES = {"cosine": "torch.nn.functional.cosine_similarity(matrix, vector[None], dim=1)", "dot": "matrix @ vector"}

bar = page_bar("embeddings")
text = bar.text()
model, quantization, engine = choose_model(bar)

with show_errors():
    tok = engine.tokenizer
    enc = encoding(tok, text, False, True)
    if len(enc) == 0:
        st.info("The text has no tokens: write some text in the bar above.", icon=":material/edit:")
        st.stop()
    described = engine.describe()
    last = min(len(enc), view.MAX_SHOWN) - 1
    index = min(selected(enc), last)
    token_id = int(enc.input_ids[index])
    vector = engine.embed([token_id])[0]
    view.pick_token(engine, enc, index, vector)
    words_here("embedding", "vector", "tensor", "shape", "dtype", "device", "cosine_similarity")
    with bar.gear:
        state.slider("token_index", "Token", max_value=max(1, last), help="The token whose row is shown.")
        window = view.dimensions_shown(len(vector))
    shown = state.segmented(
        "embedding_view", "Show", format_func=view.VIEWS.__getitem__, label_visibility="collapsed",
    )  # fmt: skip
    abc, k, metric, matrix = (token_id,) * 3, state.get("neighbours"), "cosine", "input"
    if shown in ("matrix", "cosine"):
        picture = st.container()
        start = window_start("matrix_from", "First token shown", last + 1, N_ROWS, index)
        ids = enc.input_ids[start : start + N_ROWS]
        rows, labels = engine.embed(ids), [token_label(tok, int(i)) for i in ids]
        with picture:
            if shown == "matrix":
                view.show_matrix(rows, labels, index - start, view.mean_norm(model, quantization), window)
            else:
                view.show_cosines(rows, labels, enc, start)
    elif shown == "neighbours":
        k, metric, matrix = view.show_neighbours(engine, token_id, described.tied_embeddings, bar.gear)
    else:
        abc, k, metric, matrix = view.show_arithmetic(engine, described.tied_embeddings, bar.gear)
    show_thread(enc, index, "embeddings")
    how = f"k={k}, metric={metric!r}, matrix={matrix!r})"
    fields = {
        "ask": f"analogy{abc!r}"[:-1] + f", {how}" if shown == "arithmetic" else f"neighbours({token_id}, {how}",
        "abc": abc,
        "left_out": list(abc),
        "score": SCORES[metric],
        "n_tokens": min(tok.vocab_size, described.vocab_rows),
    }
    reproduce(
        CODE.format(
            model=model,
            quantization=quantization,
            token_id=token_id,
            width=len(vector),
            k=k,
            matrix=matrix,
            loading=loading_code(described, [token_id]),
            **fields,
        )
    )
