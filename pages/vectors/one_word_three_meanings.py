"""Static and contextual: one word in three sentences, the same row at first, different vectors layer by layer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

import lmloupe as lm
from ui.base.downloads import PICTURE_MENU, take_away
from ui.base.errors import escape_markdown, show_errors
from ui.base.labels import token_label
from ui.base.loaders import engine as loaded_engine
from ui.model.choice import choose_model
from ui.model.transformers_code import loading_code
from ui.page import metrics_row, page_header, reproduce
from ui.state import store as state
from ui.vectors.charts import layer_lines

NAMES = "ABC"
CODE = """
import lmloupe as lm

engine = lm.load_engine({model!r}, quantization={quantization!r})
for cosine in engine.contextual_similarity({ids_a}, {at_a}, {ids_b}, {at_b}):
    print(cosine)

# The same with transformers alone
{loading}
def states(ids, position):
    with torch.inference_mode():
        out = model(input_ids=torch.tensor([ids], device=model.device), output_hidden_states=True)
    return torch.stack([layer[0, position].float() for layer in out.hidden_states])

a, b = states({ids_a}, {at_a}), states({ids_b}, {at_b})
for cosine in torch.nn.functional.cosine_similarity(a, b, dim=1).tolist():
    print(cosine)
"""


@st.cache_resource(max_entries=64, show_spinner=False)
def states_of(model: str, quantization: lm.Quantization, ids: tuple[int, ...], position: int) -> np.ndarray:
    """A token's vector at every depth, float32 (n_layers + 1, width), from one forward pass."""
    # What follows a token cannot change it, so it is not read.
    return loaded_engine(model, quantization).hidden_states(ids[: position + 1])[:, -1].copy()


def place_of(tok: lm.Tokenizer, name: str, text: str, word: str) -> tuple[tuple[int, ...], int]:
    """The ids of a sentence and the position of the last token of the word in it."""
    start = text.lower().find(word.lower()) if word else -1
    if start < 0:
        raise lm.InvalidTextError(f"Sentence {name} does not hold the word {word!r}: write it there, or another word.")
    places = lm.word_positions(tok, text, start, min(len(text), start + len(word)))
    if len(places) == 0:
        raise lm.InvalidTextError(f"No token of sentence {name} holds the word {word!r}.")
    return tuple(lm.encode(tok, text, add_special_tokens=True).input_ids.tolist()), int(places[-1])


page_header(
    "Static and contextual",
    "A word has one row in the embedding matrix, whatever it means. Each layer then adds what is around it. Here "
    "is one word in three sentences: how alike its vectors still are after every layer.",
)
model, quantization, engine = choose_model()
word_column, sentence_column = st.columns([1, 3])
with word_column:
    word = state.text_input("word", "Word", help="Taken at its first place in each sentence.")
with sentence_column:
    texts = [state.text_input(f"sentence_{name.lower()}", f"Sentence {name}", help="Holds the word.") for name in NAMES]

with show_errors():
    tok = engine.tokenizer
    found = [place_of(tok, name, text, word) for name, text in zip(NAMES, texts, strict=True)]
    with st.spinner("Reading the sentences …", show_time=True):
        states = np.stack([states_of(model, quantization, ids, at) for ids, at in found], axis=1)
    # (n_layers + 1, 3, width) -> one 3 x 3 matrix of cosines a layer
    cosines = np.stack([lm.cosine_matrix(layer) for layer in states])
    pairs = [(0, 1), (0, 2), (1, 2)]
    table = pd.DataFrame({"Layer": np.arange(len(cosines))})
    for i, j in pairs:
        table[f"{NAMES[i]} and {NAMES[j]}"] = cosines[:, i, j]
    apart = int(np.argmax(np.abs(cosines[:, 0, 2] - cosines[:, 0, 1])))
    metrics_row(
        [
            ("At the embedding, A and B", f"{cosines[0, 0, 1]:.3f}", "1 where it is the same token: the same row."),
            (f"After layer {apart}, A and B", f"{cosines[apart, 0, 1]:.3f}", "Where the pairs differ most."),
            (f"After layer {apart}, A and C", f"{cosines[apart, 0, 2]:.3f}", "Where the pairs differ most."),
            ("Difference there", f"{cosines[apart, 0, 2] - cosines[apart, 0, 1]:+.3f}"),
        ]
    )
    st.plotly_chart(layer_lines(table), width="stretch", config=PICTURE_MENU)
    where = [
        f"{name}: {escape_markdown(token_label(tok, ids[at]))}, token {at + 1}"
        for name, (ids, at) in zip(NAMES, found, strict=True)
    ]
    st.caption(
        f"Compared at the last token of the word ({'; '.join(where)}), which has read the word and all before it, "
        "and nothing after it. All vectors of a layer share a large common part, so even unlike words can have a high "
        "cosine: compare the lines with each other, not with 1. The last point is after the final norm."
    )
    st.dataframe(table, hide_index=True, width="stretch", height=240)
    take_away("contextual", table, {"states": (lambda: states, f"float32 {states.shape}: layer, sentence, width")})
    (ids_a, at_a), (ids_b, at_b) = found[:2]
    reproduce(
        CODE.format(
            model=model,
            quantization=quantization,
            ids_a=list(ids_a),
            at_a=at_a,
            ids_b=list(ids_b),
            at_b=at_b,
            loading=loading_code(engine.describe(), ids_a),
        )
    )
