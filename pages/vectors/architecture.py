"""Architecture: a model's parts as boxes to scale, one block in its steps, and the weights of a module."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from ui.bar.bar import page_bar
from ui.base.downloads import PICTURE_MENU, take_away
from ui.base.errors import escape_markdown, show_errors
from ui.base.glossary.tables import data_table
from ui.base.words import counted
from ui.components.architecture_view import architecture_view, picked_block, picked_module
from ui.model.choice import choose_model
from ui.model.transformers_code import loading_code
from ui.page import finding, reproduce, words_here
from ui.pages import page
from ui.state import store as state
from ui.vectors import architecture_parts as parts
from ui.vectors.architecture_view import (
    histogram,
    histogram_chart,
    histogram_title,
    histogram_words,
    module_table,
    precision_table,
)
from ui.vectors.block_diagram import block_svg

PICTURE = "architecture_picture"
CODE = """
import lmloupe as lm

engine = lm.load_engine({model!r}, quantization={quantization!r})
for module in engine.describe().modules[:3]:
    print(module.name, module.shape, module.n_parameters, module.dtype, module.bytes)
counted = engine.weight_histogram({module!r})
print(counted.mean, counted.std, counted.min, counted.max)

# The same with transformers alone
{loading}
weight = model.get_submodule({module!r}).weight
if getattr(weight, "quant_state", None) is not None:  # nf4, fp4
    import bitsandbytes
    weight = bitsandbytes.functional.dequantize_4bit(weight.data, weight.quant_state)
elif getattr(weight, "SCB", None) is not None:  # int8: one scale a row
    weight = weight.data.float() * weight.SCB[:, None] / 127
weight = weight.detach().double()
print(float(weight.mean()), float(weight.std(correction=0)), float(weight.min()), float(weight.max()))
"""
NUMBERS = {
    "Parameters": st.column_config.NumberColumn(format="localized"),
    "MB": st.column_config.NumberColumn(format="%.2f"),
    "Bits per weight": st.column_config.NumberColumn(format="%.2f"),
}

bar = page_bar("architecture")
model, quantization, engine = choose_model(bar)

with show_errors():
    described = engine.describe()
    with_weight = [module.name for module in described.modules]
    module = state.get("module")
    if module not in with_weight:
        module = max(parts.in_block(described, 1) or described.modules, key=lambda m: m.n_parameters).name
    block = parts.block_of(described, module) or 1

    def take() -> None:
        """A box or another block was pressed."""
        pressed, other = picked_module(PICTURE), picked_block(PICTURE)
        if other is not None and 1 <= other <= described.n_layers:
            leaf = module.removeprefix(f"{parts.stack_of(described)}{block - 1}.")
            pressed = f"{parts.stack_of(described)}{other - 1}.{leaf}"
            if pressed not in with_weight and (inside := parts.in_block(described, other)):
                pressed = inside[0].name
        if pressed in with_weight:
            state.put("module", pressed)

    picture, beside = st.columns([3, 2])
    with picture:
        whole = parts.whole(described)
        total = described.n_parameters / 1e6
        first = max(whole, key=lambda part: part.weights)
        rest = max((part for part in whole if part is not first), key=lambda part: part.weights, default=None)
        share = (
            f"{first.weights / described.n_parameters:.0%} of the {total:,.1f} million weights are in the {first.label}"
        )
        also = "" if rest is None else f", {rest.weights / described.n_parameters:.0%} in the {rest.label}"
        finding(share + also)
        n_quantized = sum(one.n_parameters for one in described.modules if one.is_quantized)
        orange = f"Orange: stored in {quantization}, {n_quantized / described.n_parameters:.0%} of the weights. "
        architecture_view(
            whole, parts.halves(described, block), block=block, n_blocks=described.n_layers, chosen=module,
            hint=f"{orange if n_quantized else ''}A box is as long as it has weights; the two rows of a block share "
            "one scale. Point at a box or a word to read what it is, press a box to see its weights.",
            key=PICTURE, on_pick=take,
        )  # fmt: skip
        st.caption(escape_markdown(parts.layers_sentence(described)))
        words_here(
            "embedding", "layer", "attention", "mlp", "rmsnorm", "rope", "gqa", "swiglu", "tied", "shape", "dtype"
        )
        st.download_button(
            "SVG", block_svg(described), "block.svg", "image/svg+xml", icon=":material/download:", on_click="ignore",
            help="One block as a drawing, with all its numbers, as a file.",
        )  # fmt: skip
    with beside:
        with st.spinner("Counting …"):
            weights = histogram(model, quantization, module)
        finding(histogram_title(weights, module.rsplit(".", 1)[-1]))
        st.plotly_chart(histogram_chart(weights), width="stretch", config=PICTURE_MENU)
        st.caption(histogram_words(weights))
        state.selectbox(
            "module", "Module", with_weight, otherwise=module, help="As PyTorch names it: there, blocks count from 0."
        )
        target = page("block")
        st.page_link(
            target.path, label="One block of these weights by hand", icon=target.icon_shortcode,
            query_params=state.link_params(module=module, block_row=0, block_number=0, block_weight=-1),
            help="There a block is the weights that share one scale, 64 in nf4; here a block is a layer of the model.",
        )  # fmt: skip
        edges = pd.DataFrame({"From": weights.edges[:-1], "To": weights.edges[1:], "Weights": weights.counts})
        with st.expander("The same as a table"):
            data_table(edges, hide_index=True, width="stretch", height=240)
        take_away(
            "weights", edges,
            {"histogram": (lambda: weights.counts, f"int64 {weights.counts.shape}, numbers in each bin")},
        )  # fmt: skip

    st.header("What the words mean", anchor=False)
    st.markdown(
        "\n".join(f"- **{escape_markdown(t)}**: {escape_markdown(a)}" for t, a in parts.terms(described, block))
    )

    st.header("How it is stored", anchor=False)
    data_table(precision_table(described), hide_index=True, width="content", column_config=NUMBERS)
    tied = " The output matrix is the input matrix (tied)." if described.tied_embeddings else ""
    st.caption(
        f"{escape_markdown(described.architecture)}: {total:,.1f} million weights in {described.bytes / 1e6:,.1f} MB. "
        "bitsandbytes quantizes the matrices of the blocks and leaves the embedding, the norms and the output "
        f"matrix as they are. Bits per weight include the scales of quantized numbers.{tied}"
    )

    st.header("All modules", anchor=False)
    everything = st.toggle("All blocks", help="The blocks are alike; off, only the first is listed.", key="all_blocks")
    table = module_table(described, all_blocks=everything)
    data_table(table, hide_index=True, width="stretch", height=420, column_config=NUMBERS)
    st.caption(
        f"{counted(len(described.tree), 'module')} in all. PyTorch counts blocks from 0 in these names; on the pages "
        "block 1 is the first."
    )
    take_away("modules", table, {})
    code = loading_code(described, [])
    reproduce(CODE.format(model=model, quantization=quantization, module=module, loading=code))
