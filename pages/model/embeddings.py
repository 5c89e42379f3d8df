"""Embeddings: the vector behind an id, and the tokens whose vectors are nearest."""

from __future__ import annotations

import numpy as np
import streamlit as st

from ui import state
from ui.charts import neighbour_bars, vector_heatmap
from ui.errors import show_errors
from ui.frames import neighbour_table, token_label
from ui.loaders import display_name, encoding
from ui.model_choice import choose_model
from ui.page import metrics_row, page_header, reproduce
from ui.token_view import TokenRow, token_view

MAX_SHOWN = 2000
CODE = """
import lmloupe as lm
import numpy as np

engine = lm.load_engine({model!r}, quantization={quantization!r})
vector = engine.embed([{token_id}])[0]          # float32 ({width},)
print(np.linalg.norm(vector))
near = engine.neighbours({token_id}, k={k}, metric={metric!r})
for token_id, similarity in zip(near.ids, near.similarities):
    print(token_id, engine.tokenizer.piece(token_id), similarity)
"""

page_header(
    "Embeddings",
    "A token's id picks one row of the model's embedding matrix: this vector, and nothing else, is what the layers "
    "receive. Click a token to see its row and the tokens whose rows point the same way.",
)
model, quantization, engine = choose_model()
text = state.live_text("text", "Text", height=100, help="The text that all pages share.")

with show_errors():
    tok = engine.tokenizer
    enc = encoding(tok.name, text, False, True)
    if len(enc) == 0:
        st.info("The text has no tokens: write something above.", icon=":material/edit:")
    else:
        selection = token_view(
            [TokenRow(display_name(tok.name), enc)],
            text=text,
            key="embedding_tokens",
            max_tokens=MAX_SHOWN,
            selectable=True,
        )
        if selection is not None and selection.index != state.get("token_index"):
            state.put("token_index", selection.index)
        index = state.slider(
            "token_index",
            "Token",
            max_value=max(1, min(len(enc), MAX_SHOWN) - 1),
            help="Which token of the text; a click on one above does the same.",
        )
        token = enc.token(min(index, len(enc) - 1))
        vector = engine.embed([token.id])[0]
        largest = int(np.abs(vector).argmax())
        metrics_row(
            [
                ("Token", token_label(tok, token.id)),
                ("Id", f"{token.id:,}"),
                ("Dimensions", f"{len(vector):,}"),
                (
                    "Norm",
                    f"{np.linalg.norm(vector):.3f}",
                    "Euclidean length of the vector: the root of the sum of squares.",
                ),
                ("Largest value", f"{vector[largest]:.3f}", f"In dimension {largest}."),
            ]
        )
        st.plotly_chart(vector_heatmap(vector), width="stretch", config={"displayModeBar": False})

        st.subheader("Nearest in the whole vocabulary", anchor=False)
        k_column, metric_column = st.columns([2, 1], vertical_alignment="bottom")
        with k_column:
            k = state.slider("neighbours", "How many", help="Neighbours to list, out of all rows of the matrix.")
        with metric_column:
            metric = state.segmented(
                "metric", "Measure", help="Cosine compares directions; the dot product also rewards long vectors."
            )
        table = neighbour_table(tok, engine.neighbours(token.id, k, metric))
        chart_column, table_column = st.columns(2)
        with chart_column:
            st.plotly_chart(neighbour_bars(table, metric), width="stretch", config={"displayModeBar": False})
        with table_column:
            st.dataframe(
                table,
                hide_index=True,
                width="stretch",
                column_config={"Similarity": st.column_config.NumberColumn(format="%.4f")},
            )
        reproduce(
            CODE.format(
                model=model, quantization=quantization, token_id=token.id, width=len(vector), k=k, metric=metric
            )
        )
