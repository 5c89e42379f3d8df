"""Overview: one token from the text to the prediction, every step of it on one picture."""

from __future__ import annotations

from textwrap import indent

import numpy as np
import streamlit as st

from ui.bar.bar import page_bar
from ui.base.errors import show_errors
from ui.base.glossary.tables import data_table
from ui.base.labels import token_label
from ui.base.loaders import encoding
from ui.base.words import percent
from ui.components.overview import overview
from ui.model.answers import readable
from ui.model.choice import choose_model
from ui.model.transformers_code import lens_code, loading_code
from ui.page import as_code, finding, reproduce, words_here
from ui.prediction.lens.run import LensRequest, lens_run
from ui.prediction.lens.stream import fill_rows
from ui.prediction.lens.view import first_window, line_starts
from ui.state.thread import select, selected
from ui.text.overview_view import N_GUESSES, N_NUMBERS, columns_of, doors_of, guesses_of, params_to, way_of

N_SHOWN = 8
CODE = """
import numpy as np

import lmloupe as lm

engine = lm.load_engine({model!r}, quantization={quantization!r})
tok, text = engine.tokenizer, {text}
token_id = int(lm.encode(tok, text, True, True).input_ids[{position}])  # counted from 0 here
print(tok.token_bytes(token_id), token_id)
print(engine.embed([token_id])[0, :{n_numbers}].tolist())
lens = engine.logit_lens(text, top_k={n_guesses})  # a row for each layer, the embedding first
print(lens.token_ids[:, {position}, 0].tolist())
print(lens.token_ids[-1, {position}].tolist(), np.exp(lens.log_probs[-1, {position}]).tolist())

# The same with transformers alone
{loading}
print(ids[{position}], model.get_input_embeddings()(torch.tensor(ids[{position}], device=model.device))[:12].tolist())
with torch.inference_mode():
    answer = model(input_ids=torch.tensor([ids], device=model.device), output_hidden_states=True)
{reading}
top = torch.softmax(logits.float(), -1).topk({n_guesses})
print(top.indices.tolist(), top.values.tolist())
"""

bar = page_bar("overview")
text = bar.text()
model, quantization, engine = choose_model(bar)

with show_errors():
    described, tok = engine.describe(), engine.tokenizer
    n_layers = described.n_layers
    enc = encoding(tok, text, True, True)
    ids = readable(engine, enc)
    index = selected(enc, otherwise=len(ids) - 1)
    start = first_window(line_starts(enc), N_SHOWN)
    if not start <= index < start + N_SHOWN:
        start = max(0, min(index - N_SHOWN // 2, len(ids) - N_SHOWN))
    positions = range(start, min(len(ids), start + N_SHOWN))
    run = lens_run(LensRequest(model, quantization, ids))
    if not run.has(n_layers, positions):
        place = st.empty()
        fill_rows(run, engine, positions, lambda: place.caption("Computing the layers …"))
        place.empty()
    rows = engine.embed([ids[position] for position in positions])
    columns = columns_of(run, n_layers, positions, tok, rows)
    guesses = guesses_of(run, n_layers, index, tok)
    label = token_label(tok, ids[index])
    finding(
        f"“{label}” is id {ids[index]:,}, {described.embedding_width:,} numbers, {n_layers} layers, and then "
        f"“{guesses[0][0]}” ({percent(guesses[0][1])})"
    )
    clicked = overview(
        columns,
        first=start,
        n_tokens=len(ids),
        width=described.embedding_width,
        largest=float(np.abs(rows[:, :N_NUMBERS]).max()) or 1.0,
        chosen=index - start,
        guesses=guesses,
        doors=doors_of(enc, index),
        name=f"The way of {label} from the text to the next token",
        key="overview",
    )
    if isinstance(clicked, str):
        page, params = params_to(clicked, enc, index)
        st.switch_page(page.path, query_params=params)
    if clicked is not None and clicked != index:
        select(enc, clicked)
        st.rerun()
    st.caption(
        "From above: the token, its number in the vocabulary, the first numbers of the vector that the number picks, "
        "what the model would say after each layer (the darker, the surer; in the dark theme the lighter), and its "
        "most probable next tokens."
    )
    with st.expander("The lit way as a table"):
        way = way_of(columns[index - start], index, described.embedding_width, guesses)
        data_table(way, hide_index=True, width="stretch")
    words_here("token", "token_id", "embedding", "vector", "layer", "residual_stream", "attention", "probability")
    reproduce(
        CODE.format(
            model=model,
            quantization=quantization,
            text=as_code(text),
            position=index,
            n_numbers=N_NUMBERS,
            n_guesses=N_GUESSES,
            loading=loading_code(described, ids),
            reading=indent(lens_code(engine.lens_parts(), n_layers, n_layers, index), "    "),
        )
    )
