"""Embeddings: the vectors behind the ids of a text, how they lie to each other, and which tokens are nearest."""

from __future__ import annotations

import numpy as np
import streamlit as st

from ui.base.errors import escape_markdown, show_errors
from ui.base.labels import token_label
from ui.base.loaders import display_name, encoding
from ui.components.token_view import TokenRow, token_view
from ui.model.choice import choose_model
from ui.model.transformers_code import loading_code
from ui.page import metrics_row, page_header, reproduce
from ui.state import store as state
from ui.state.thread import follow, selected, show_thread, window_start
from ui.vectors import embedding_view as view

MAX_SHOWN, N_ROWS = 2000, 36
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

page_header(
    "Embeddings",
    "A token's id picks one row of the model's embedding matrix: this vector, and nothing else, is what the layers "
    "receive. Click a token to follow its row.",
)
model, quantization, engine = choose_model()
text = state.live_text("text", "Text", help="The text that all pages share.")

with show_errors():
    tok = engine.tokenizer
    enc = encoding(tok, text, False, True)
    if len(enc) == 0:
        st.info("The text has no tokens: write something above.", icon=":material/edit:")
        st.stop()
    described = engine.describe()
    clicked = token_view(
        [TokenRow(display_name(tok.name), enc)], text=text, key="embedding_tokens", max_tokens=MAX_SHOWN,
        selectable=True,
    )  # fmt: skip
    follow("embedding_tokens", enc, clicked.index if clicked else None)
    selected(enc)
    last = min(len(enc), MAX_SHOWN) - 1
    index = state.slider(
        "token_index", "Token", max_value=max(1, last), help="Which token of the text; a click on one does the same."
    )
    index = min(index, last)
    token_id = int(enc.input_ids[index])
    vector = engine.embed([token_id])[0]
    largest = int(np.abs(vector).argmax())
    metrics_row(
        [
            ("Token", escape_markdown(token_label(tok, token_id))),
            ("Id", f"{token_id:,}"),
            ("Dimensions", f"{len(vector):,}"),
            (
                "Norm",
                f"{np.linalg.norm(vector):.3f}",
                "Length of the vector: the root of its sum of squares.",
            ),
            ("Largest value", f"{vector[largest]:.3f}", f"In dimension {largest}, the first being 0."),
        ]
    )
    show_thread(enc, index, "embeddings")
    shown = state.segmented(
        "embedding_view", "Show", format_func=view.VIEWS.__getitem__, help="Four looks at the same rows."
    )
    abc, k, metric, matrix = (token_id,) * 3, state.get("neighbours"), "cosine", "input"
    if shown in ("matrix", "cosine"):
        start = window_start("matrix_from", "First token shown", min(len(enc), MAX_SHOWN), N_ROWS, index)
        ids = enc.input_ids[start : start + N_ROWS]
        rows, labels = engine.embed(ids), [token_label(tok, int(i)) for i in ids]
        if shown == "matrix":
            view.show_matrix(rows, labels, index - start, view.mean_norm(model, quantization))
        else:
            view.show_cosines(rows, labels, enc, start)
    elif shown == "neighbours":
        k, metric, matrix = view.show_neighbours(engine, token_id, described.tied_embeddings)
    else:
        abc, k, metric, matrix = view.show_arithmetic(engine, described.tied_embeddings)
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
