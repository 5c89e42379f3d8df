"""Attention: which earlier tokens each head of a layer reads from."""

from __future__ import annotations

import streamlit as st

import lmloupe as lm
from ui.base.downloads import take_away
from ui.base.errors import escape_markdown, show_errors
from ui.base.labels import token_label
from ui.base.loaders import encoding
from ui.components.model_views import attention_view
from ui.model.answers import MAX_ATTENTION_TOKENS, attention, readable
from ui.model.choice import choose_model
from ui.model.transformers_code import loading_code
from ui.page import as_code, page_header, reproduce
from ui.prediction.attention_table import attended, mean_to_first
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

page_header(
    "Attention",
    "Each head of a layer lets every token read from itself and the tokens before it, each with a share of one whole. "
    "Click a head to see it large, and a token to see what it reads.",
)
model, quantization, engine = choose_model()
text = state.live_text("text", "Text", help="The text that all pages share.")

with show_errors():
    described = engine.describe()
    enc = encoding(engine.tokenizer, text, True, True)
    ids = readable(engine, enc)
    if len(ids) > MAX_ATTENTION_TOKENS:
        raise lm.InvalidTextError(
            f"The text has {len(ids):,} tokens; this page draws at most {MAX_ATTENTION_TOKENS}, "
            "because attention grows with their square: shorten the text."
        )
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        layer = state.slider(
            "attention_layer",
            "Layer",
            max_value=described.n_layers - 1,
            width=260,
            help="Counted from 1, as on Layers: 0 is the embedding, which has no attention.",
        )
        show = state.segmented(
            "attention_as", "One head as", format_func=str.capitalize, help="Arcs over the text, or query × key."
        )
        skip = state.toggle(
            "skip_first",
            "Hide the first token",
            help="Most heads put idle attention on the first token. Hide it to see the rest.",
        )
    with st.spinner("Reading the weights of this layer …"):
        read = attention(model, quantization, ids, layer)
    weights, sink = read.weights, read.sink
    index = selected(enc, otherwise=len(ids) - 1)
    first = window_start("attention_from", "First position shown", len(ids), N_SHOWN, index)
    index = min(max(index, first), first + N_SHOWN - 1)
    head = min(state.get("attention_head"), len(weights) - 1)
    labels = [token_label(engine.tokenizer, i) for i in ids]
    window = slice(first, first + N_SHOWN)
    # Where layers differ in their heads, the description's are not this one's.
    n_kv_heads = described.n_kv_heads if len(weights) == described.n_heads else len(weights)
    picked = attention_view(
        weights[:, window, window], None if sink is None else sink[:, window], tokens=labels[window], first=first,
        layer=layer + 1, n_kv_heads=n_kv_heads, head=head, token=index, show=show, skip_first=skip,
        key="attention_view",
    )  # fmt: skip
    if picked is not None:
        head, index = picked
        state.put("attention_head", head)
        select(enc, index)
    if sink is not None:
        st.caption(
            f"This model has an attention sink: one more number in each head's softmax, with no token behind it. "
            f"{sink.mean():.0%} of this layer's attention goes there and is read from nowhere, so the weights of the "
            "tokens sum to less than 1."
        )
    st.caption(
        f"Read with eager attention: the faster kernels give the same output but never hold these weights. "
        f"{mean_to_first(weights):.0%} of this layer's attention goes to the first token"
        + (", which is hidden in the drawing. " if skip else ". ")
        + "Arcs below 2 % are not drawn. Attention is not explanation: it says where a head reads, not what it takes "
        "from there or whether the answer depends on it."
    )
    show_thread(enc, index, "attention")
    table = attended(weights[head], labels, index, None if sink is None else float(sink[head, index]))
    st.markdown(
        f"**What {escape_markdown(labels[index])} (token {index + 1}) reads, in head {head + 1} of layer {layer + 1}**"
    )
    st.dataframe(
        table, hide_index=True, width="stretch", height=min(320, 36 * len(table) + 40),
        column_config={"Weight": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1)},
    )  # fmt: skip
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
    reproduce(CODE.format(**fields, layer=layer, head=head, query=index, loading=code, theirs=theirs))
