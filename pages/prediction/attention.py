"""Attention: which earlier tokens each head of each layer reads from."""

from __future__ import annotations

import streamlit as st

import lmloupe as lm
from ui.bar.bar import page_bar
from ui.base.downloads import take_away
from ui.base.errors import Offer, show_errors
from ui.base.glossary.tables import data_table
from ui.base.labels import token_label
from ui.base.loaders import encoding
from ui.base.shares import percent_columns, percents
from ui.base.words import percent
from ui.components.model_views import attention_view
from ui.model.answers import MAX_ATTENTION_TOKENS, TooLongError, attention, attention_summary, keep_last, readable
from ui.model.choice import choose_model
from ui.model.transformers_code import loading_code
from ui.page import as_code, finding, reproduce, words_here
from ui.prediction.attention_table import attended, mean_to_first
from ui.prediction.attention_view import (
    head_of,
    heads_finding,
    heads_table,
    nearest_layer,
    squares_of,
)
from ui.state import store as state
from ui.state.thread import select, selected, show_thread, window_start

N_SHOWN = 60
CODE = """
import lmloupe as lm

engine = lm.load_engine({model!r}, quantization={quantization!r})
weights = engine.attention({text}, layer={layer})  # float32 (n_heads, n, n); all counted from 0 here
print(weights[{head}, {query}].tolist())

# The same with transformers alone
{loading}
{theirs}
"""
IN_EVERY_BLOCK = """with torch.inference_mode():
    answer = model(input_ids=torch.tensor([ids], device=model.device), output_attentions=True)
print(answer.attentions[{layer}][0, {head}, {query}].float().tolist())"""
IN_SOME_BLOCKS = """kept = []  # answer.attentions would leave out the blocks that are not attention
attention = model.get_submodule({module!r})
attention.register_forward_hook(lambda module, inputs, output: kept.append(output[1]))
with torch.inference_mode():
    model(input_ids=torch.tensor([ids], device=model.device))
print(kept[0][0, {head}, {query}].float().tolist())"""


def require_few(enc: lm.Encoding) -> None:
    """End the block with a sentence, and a button that helps, where the text is too long for this page."""
    if len(enc) > MAX_ATTENTION_TOKENS:
        half = MAX_ATTENTION_TOKENS // 2
        raise TooLongError(
            f"The text has {len(enc):,} tokens; this page draws at most {MAX_ATTENTION_TOKENS}, "
            "because attention grows with their square: shorten the text.",
            Offer(f"Take the last {half} tokens", keep_last, ("text", enc.tokenizer, half)),
        )


def show_words(read: lm.AttentionWeights, described: lm.ModelDescription) -> None:
    """What one should know of the numbers before one draws conclusions."""
    if read.sink is not None:
        st.caption(
            f"This model has an attention sink: one more number in each head's softmax, that belongs to no token. "
            f"{percent(float(read.sink.mean()))} of this layer's attention goes there and is read from nowhere, so the "
            "weights of the tokens sum to less than 1."
        )
    if len(read.layers) < described.n_layers:
        others = ", ".join(str(number + 1) for number in read.layers[:20])
        st.caption(
            f"Not every block of this model is attention; the empty squares have no weights. Blocks that have: {others}"
            + (", and more." if len(read.layers) > 20 else ".")
        )
    st.caption(
        f"{percent(mean_to_first(read.weights))} of this layer's attention goes to the first token: most heads put "
        "idle attention there. Attention is not explanation: it says where a head reads, not what it takes from there "
        "or whether the answer depends on it. Read with eager attention: the faster kernels give the same output but "
        "never store these weights."
    )


bar = page_bar("attention")
text = bar.text()
model, quantization, engine = choose_model(bar)

with show_errors():
    described = engine.describe()
    enc = encoding(engine.tokenizer, text, True, True)
    ids = readable(engine, enc)
    require_few(enc)
    result, below = st.container(), st.container(horizontal=True, gap="medium", vertical_alignment="bottom")
    index = selected(enc, otherwise=len(ids) - 1)
    with below:
        show = state.segmented(
            "attention_as", "The chosen head as", format_func=str.capitalize, help="Arcs over the text, or query × key."
        )
        stub = state.toggle(
            "skip_first",
            "First token as a stub",
            help="Most heads put idle attention on the first token, and its arcs hide all others: a stub says how "
            "much goes there.",
        )
        first = window_start("attention_from", "First token shown", len(ids), N_SHOWN, index)
    with result, st.spinner("Reading the attention of all layers …"):
        summary = attention_summary(model, quantization, ids)
    read = attention(model, quantization, ids, nearest_layer(summary, state.get("attention_layer")))
    layer, weights, sink = read.layer, read.weights, read.sink
    window = range(first, min(len(ids), first + N_SHOWN))
    index = min(max(index, window.start), window.stop - 1)
    head = min(state.get("attention_head"), len(weights) - 1)
    labels = [token_label(engine.tokenizer, i) for i in ids]
    # Where layers differ in their heads, the description's are not this one's.
    n_kv_heads = described.n_kv_heads if len(weights) == described.n_heads else len(weights)
    with result:
        finding(heads_finding(summary))
        picked = attention_view(
            squares_of(summary, state.get("attention_squares"), described.n_kv_heads),
            head_of(read, window=window, labels=labels, n_kv_heads=n_kv_heads, head=head, token=index),
            show=show,
            stub=stub,
            key="attention_view",
        )
    if picked is not None:
        head, index = picked.head, picked.token
        state.put("attention_head", head)
        select(enc, index)
        if (picked.layer, picked.squares) != (layer, state.get("attention_squares")):
            state.put("attention_layer", picked.layer)
            state.put("attention_squares", picked.squares)
            st.rerun()
    show_words(read, described)
    show_thread(enc, index, "attention")
    table = attended(weights[head], labels, index, None if sink is None else float(sink[head, index]))
    finding(f"What “{labels[index]}” (token {index + 1}) reads in head {head + 1} of layer {layer + 1}")
    data_table(
        percents(table, ["Weight"]), hide_index=True, width="stretch", height=min(320, 36 * len(table) + 40),
        column_config=percent_columns((), bars=["Weight"]),
    )  # fmt: skip
    with st.expander("All heads as a table"):
        data_table(heads_table(summary), hide_index=True, width="stretch")
    axes = f"float32 {weights.shape}: head, token that reads, token that is read"
    tensors = {f"attention_layer_{layer + 1}": (lambda: weights, axes)}
    if sink is not None:
        to_sink, axes = sink, f"float32 {sink.shape}: head, token that reads"
        tensors[f"attention_sink_layer_{layer + 1}"] = (lambda: to_sink, axes)
    take_away("attention", table, tensors)
    code = loading_code(described, ids, eager=True)
    fields = {"model": model, "quantization": quantization, "text": as_code(text)}
    everywhere = len(read.layers) == described.n_layers
    theirs = (IN_EVERY_BLOCK if everywhere else IN_SOME_BLOCKS).format(
        layer=layer, module=read.module, head=head, query=index
    )
    words_here("attention", "head", "query_key_value", "causal_model", "gqa")
    reproduce(CODE.format(**fields, layer=layer, head=head, query=index, loading=code, theirs=theirs))
