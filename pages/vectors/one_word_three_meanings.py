"""One word, three meanings: the same row at first, and vectors that part layer by layer."""

from __future__ import annotations

import numpy as np
import streamlit as st

from ui.bar.bar import page_bar
from ui.base.downloads import PICTURE_MENU, take_away
from ui.base.errors import escape_markdown, show_errors
from ui.base.glossary.tables import data_table
from ui.base.labels import token_label
from ui.model.choice import choose_model
from ui.model.transformers_code import loading_code
from ui.page import finding, reproduce, words_here
from ui.state import store as state
from ui.state.settings import SETTINGS
from ui.vectors.meanings import NAMES, cosine_table, layer_lines, parting, place_of, states_of

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


def put_back() -> None:
    """The word and the sentences that the page began with."""
    for name in ("word", *SENTENCES):
        state.put(name, SETTINGS[name].default)


SENTENCES = [f"sentence_{name.lower()}" for name in NAMES]
bar = page_bar("three_meanings")
word = bar.text("word", "Word").strip()
model, quantization, engine = choose_model(bar)
picture, beside = st.columns([3, 2])
with beside:
    texts, where = [], []
    for name, setting in zip(NAMES, SENTENCES, strict=True):
        texts.append(state.text_area(setting, f"Sentence {name}", height=68))
        where.append(st.empty())

with picture, show_errors():
    tok = engine.tokenizer
    missing = [name for name, text in zip(NAMES, texts, strict=True) if word.lower() not in text.lower()]
    if missing or not word:
        st.button("Back to the first word and its sentences", icon=":material/undo:", on_click=put_back)
    found = [place_of(tok, name, text, word) for name, text in zip(NAMES, texts, strict=True)]
    for place, (ids, at) in zip(where, found, strict=True):
        place.caption(f"Compared at **{escape_markdown(token_label(tok, ids[at]))}**, token {at + 1} of {len(ids)}.")
    with st.spinner("Reading the sentences …", show_time=True):
        states = np.stack([states_of(model, quantization, ids, at) for ids, at in found], axis=1)
    table = cosine_table(states)
    sentence, alike = parting(table, word)
    finding(sentence)
    st.plotly_chart(layer_lines(table, alike), width="stretch", config=PICTURE_MENU)
    same = len({ids[at] for ids, at in found}) == 1
    start = "one token, one row, cosine 1." if same else "here these are different tokens, so the rows differ at once."
    st.caption(
        f"Layer 0 is the embedding: {start} Each layer then adds what it reads from the words before. What comes after "
        "the word is not read. All vectors of a layer share a large common part, so compare the lines with each other, "
        "not with 1. The last point is after the final norm."
    )
    with st.expander("The same as a table"):
        data_table(table, hide_index=True, width="stretch", height=240)
    take_away("contextual", table, {"states": (lambda: states, f"float32 {states.shape}: layer, sentence, width")})
    (ids_a, at_a), (ids_b, at_b) = found[:2]
    words_here("embedding", "layer", "residual_stream", "cosine_similarity")
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
