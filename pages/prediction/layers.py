"""Layers: what the model would say after each layer (the logit lens), and which parts made its answer."""

from __future__ import annotations

import math
from textwrap import indent

import streamlit as st

import lmloupe as lm
from ui.bar.bar import page_bar
from ui.base.charts import alternative_bars
from ui.base.downloads import PICTURE_MENU, take_away, with_menu
from ui.base.errors import show_errors
from ui.base.glossary.tables import data_table
from ui.base.labels import token_label
from ui.base.loaders import encoding
from ui.base.words import percent
from ui.components.model_views import lens_view
from ui.model.answers import readable
from ui.model.choice import choose_model
from ui.model.transformers_code import lens_code, loading_code
from ui.page import as_code, finding, reproduce, words_here
from ui.prediction.attribution_view import show_attribution
from ui.prediction.lens.charts import norms_chart
from ui.prediction.lens.files import lens_arrays, lens_table
from ui.prediction.lens.run import Cell, LensRequest, LensRun, lens_run
from ui.prediction.lens.stream import show_rest, stream_lens
from ui.prediction.lens.view import (
    cell_table,
    changing_layers,
    first_window,
    grid,
    legend_words,
    lens_finding,
    lens_twin,
    line_starts,
)
from ui.state import store as state
from ui.state.thread import select, selected, show_thread, window_start

N_SHOWN = 12
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


def show_cell(run: LensRun, tok: lm.Tokenizer, layer: int, index: int, label: str, positions: range) -> None:
    """The chosen cell's ten best tokens, and how long the vectors are in the layers."""
    cell: Cell = run.cells[layer, index]
    left, right = st.columns(2)
    with left:
        best = token_label(tok, int(cell.token_ids[0]))
        at = "the embedding" if layer == 0 else f"layer {layer}"
        finding(f"If the model stopped at {at}: “{best}” after “{label}”, {percent(math.exp(cell.log_probs[0]))}")
        bars = with_menu(alternative_bars(cell_table(cell, tok)))
        st.plotly_chart(bars, width="stretch", config=PICTURE_MENU)
        st.caption(
            f"Entropy {cell.entropy_bits:.2f} bits; the last layer's first guess has "
            f"{math.exp(cell.final_log_prob):.2%} here and rank {cell.final_rank:,}."
        )
    with right:
        if run.has(n_layers, positions):
            ends = [run.cells[at, index].norm for at in (0, n_layers)]
            finding(f"The vector of “{label}” goes from length {ends[0]:,.1f} to {ends[1]:,.1f}")
            st.plotly_chart(norms_chart(run, n_layers, positions, index), width="stretch", config=PICTURE_MENU)
            st.caption("Each layer adds to the residual stream; the norm before the output evens its length out.")


bar = page_bar("layers")
text = bar.text()
model, quantization, engine = choose_model(bar)

with show_errors():
    described, tok = engine.describe(), engine.tokenizer
    n_layers = described.n_layers
    enc = encoding(tok, text, True, True)
    ids = readable(engine, enc)
    labels = [token_label(tok, i) for i in ids]
    index = selected(enc, otherwise=len(ids) - 1)
    top = st.container(horizontal=True, gap="medium", vertical_alignment="center")
    result, below = st.container(), st.container(horizontal=True, gap="medium", vertical_alignment="bottom")
    with below:
        by = state.segmented(
            "lens_by",
            "Colour by",
            format_func=WORDS.__getitem__,
            help="Colour by the top token's probability, the entropy, or the rank of the final answer (1 = first).",
        )
        latest = first_window(line_starts(enc), N_SHOWN)
        first = window_start("lens_from", "First token shown", len(ids), N_SHOWN, index, latest=latest)
        only = state.toggle(
            "lens_changes",
            "Only layers that change the guess",
            help="Leaves out the layers whose first guess at the chosen token is that of the layer before.",
        )
    with top:
        said, stop_place = st.container(), st.empty()
    positions = range(first, min(len(ids), first + N_SHOWN))
    index = min(max(index, positions.start), positions.stop - 1)
    layer = min(state.get("lens_layer"), n_layers)
    run = lens_run(LensRequest(model, quantization, ids))
    reads = labels[first : positions.stop]
    with result:
        complete = stream_lens(run, engine, positions, by, reads, stop_place)
        layers = changing_layers(run, n_layers, index) if only and complete else range(n_layers + 1)
        rows = grid(run, n_layers, positions, by, tok, described.vocab_rows, layers)
        picked = lens_view(
            rows,
            first=first,
            reads=reads,
            follows=[*labels, ""][first + 1 : positions.stop + 1],
            legend=legend_words(by, described.vocab_rows),
            picked=(layer, index),
            name=f"Logit lens of {len(rows)} layers and {len(reads)} tokens",
            key="lens_view",
        )
    if picked is not None:
        layer, index = picked
        state.put("lens_layer", layer)
        select(enc, index)
    if complete:
        with said:
            answer = token_label(tok, int(run.cells[n_layers, index].token_ids[0]))
            finding(lens_finding(run, n_layers, index, labels[index], answer))
    with st.expander("The grid as a table"):
        data_table(lens_twin(rows, reads, first), hide_index=True, width="stretch")
    if complete and len(ids) > N_SHOWN:
        show_rest(run, engine, first)
    show_thread(enc, index, "layers")
    st.caption(
        f"Layers are counted from 0, the embedding, to {n_layers}, the output. Early rows say little: the output "
        "matrix was only ever trained to read the last layer, and earlier layers may keep their vectors in directions "
        "of their own, so a word there is as much the lens's doing as the model's. The final norm is applied once to "
        "every row, with that row's own statistics."
    )
    if (layer, index) in run.cells:
        show_cell(run, tok, layer, index, labels[index], positions)
        if (n_layers, index) in run.cells:
            cell, final = run.cells[layer, index], run.cells[n_layers, index]
            show_attribution(engine, (model, quantization, ids), index, cell, final)
    if complete:
        take_away("layers", lens_table(run, n_layers, positions, tok, labels), lens_arrays(run, n_layers, positions))
    code = loading_code(described, ids)
    fields = {"model": model, "quantization": quantization, "text": as_code(text), "loading": code}
    reading = indent(lens_code(engine.lens_parts(), layer, n_layers, index), "    ")
    words_here("logit_lens", "layer", "residual_stream", "logit", "entropy", "rank")
    reproduce(CODE.format(**fields, rows=n_layers + 1, layer=layer, position=index, reading=reading))
