"""Layers: what the model would say after each layer (the logit lens), and which parts made its answer."""

from __future__ import annotations

import math
from textwrap import indent

import streamlit as st

from ui.base.charts import alternative_bars
from ui.base.downloads import PICTURE_MENU, take_away, with_menu
from ui.base.errors import escape_markdown, show_errors
from ui.base.labels import token_label
from ui.base.loaders import encoding
from ui.components.model_views import lens_view
from ui.model.answers import readable
from ui.model.choice import choose_model
from ui.model.transformers_code import lens_code, loading_code
from ui.page import as_code, page_header, reproduce
from ui.prediction.attribution_view import show_attribution
from ui.prediction.lens.files import lens_arrays, lens_table
from ui.prediction.lens.run import LensRequest, lens_run
from ui.prediction.lens.stream import show_rest, stream_lens
from ui.prediction.lens.view import cell_table, grid, layer_name, legend_words, norms_chart
from ui.state import store as state
from ui.state.thread import select, selected, show_thread, window_start

N_SHOWN = 24
WORDS = {"probability": "Probability", "entropy": "Entropy", "rank": "Rank of the answer"}
CODE = """
import lmloupe as lm

engine = lm.load_engine({model!r}, quantization={quantization!r})
lens = engine.logit_lens({text}, top_k=10)  # .token_ids, .log_probs: ({rows}, n, 10), the embedding first
print(lens.token_ids[{layer}, {position}].tolist(), lens.log_probs[{layer}, {position}].tolist())

# The same with transformers alone
{loading}
with torch.inference_mode():
    answer = model(input_ids=torch.tensor([ids], device=model.device), output_hidden_states=True)
{reading}
top = torch.log_softmax(logits.float(), -1).topk(10)
print(top.indices.tolist(), top.values.tolist())
"""

page_header(
    "Layers",
    "Every layer adds something to a vector, and only the last one is meant to be read as a next token. The logit lens "
    "reads them all: each cell shows what the model would say if it stopped there. Click a cell for its top ten.",
)
model, quantization, engine = choose_model()
text = state.live_text("text", "Text", help="The text that all pages share.")

with show_errors():
    described, tok = engine.describe(), engine.tokenizer
    n_layers = described.n_layers
    enc = encoding(tok, text, True, True)
    ids = readable(engine, enc)
    labels = [token_label(tok, i) for i in ids]
    index = selected(enc, otherwise=len(ids) - 1)
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        by = state.segmented(
            "lens_by",
            "Colour by",
            format_func=WORDS.__getitem__,
            help="Colour by the top token's probability, the entropy, or the rank of the final answer (1 = first).",
        )
        first = window_start("lens_from", "First position shown", len(ids), N_SHOWN, index)
        stop_place = st.empty()
    positions = range(first, min(len(ids), first + N_SHOWN))
    index = min(max(index, positions.start), positions.stop - 1)
    layer = min(state.get("lens_layer"), n_layers)
    run = lens_run(LensRequest(model, quantization, ids))
    reads = labels[first : positions.stop]
    complete = stream_lens(run, engine, positions, by, reads, stop_place)
    picked = lens_view(
        grid(run, n_layers, positions, by, tok, described.vocab_rows),
        first=first,
        reads=reads,
        follows=[*labels, ""][first + 1 : positions.stop + 1],
        legend=legend_words(by, described.vocab_rows),
        picked=(layer, index),
        key="lens_view",
    )
    if picked is not None:
        layer, index = picked
        state.put("lens_layer", layer)
        select(enc, index)
    if complete and len(ids) > N_SHOWN:
        show_rest(run, engine, first)
    show_thread(enc, index, "layers")
    st.caption(
        "Early rows say little: the output matrix was only ever trained to read the last layer, and earlier layers may "
        "keep their vectors in directions of their own, so a word there is as much the lens's doing as the model's. "
        "The final norm is applied once to every row, with that row's own statistics."
    )
    cell = run.cells.get((layer, index))
    if cell is not None:
        left, right = st.columns(2)
        with left:
            st.subheader(f"Top ten after layer {layer_name(layer, n_layers)}", anchor=False)
            st.caption(
                escape_markdown(
                    f"At token {index + 1}, “{labels[index]}”: entropy {cell.entropy_bits:.2f} bits; the last layer's "
                    f"answer has {math.exp(cell.final_log_prob):.2%} here and rank {cell.final_rank:,}."
                )
            )
            bars = with_menu(alternative_bars(cell_table(cell, tok)))
            st.plotly_chart(bars, width="stretch", config=PICTURE_MENU)
        with right:
            st.subheader("Length of the vectors", anchor=False)
            if complete:
                st.caption("Each layer adds to the residual stream; the norm before the output evens its length out.")
                st.plotly_chart(norms_chart(run, n_layers, positions, index), width="stretch", config=PICTURE_MENU)
        final = run.cells.get((n_layers, index))
        if final is not None:
            show_attribution(engine, (model, quantization, ids), index, cell, final)
    if complete:
        take_away("layers", lens_table(run, n_layers, positions, tok, labels), lens_arrays(run, n_layers, positions))
    code = loading_code(described, ids)
    fields = {"model": model, "quantization": quantization, "text": as_code(text), "loading": code}
    reading = indent(lens_code(engine.lens_parts(), layer, n_layers, index), "    ")
    reproduce(CODE.format(**fields, rows=n_layers + 1, layer=layer, position=index, reading=reading))
