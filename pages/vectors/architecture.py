"""Architecture: a model's modules with their shapes and bytes, one block as a drawing, and the weights of a module."""

from __future__ import annotations

import streamlit as st

from ui.base.downloads import PICTURE_MENU, take_away
from ui.base.errors import escape_markdown, show_errors
from ui.model.choice import choose_model
from ui.model.transformers_code import loading_code
from ui.page import metrics_row, page_header, reproduce
from ui.state import store as state
from ui.vectors.architecture_view import histogram, histogram_chart, module_table, precision_table
from ui.vectors.block_diagram import block_svg

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

page_header(
    "Architecture",
    "What the model is made of: every matrix with its shape, its bytes, and whether it is quantized. Choose a module "
    "in the table to see its weights.",
)
model, quantization, engine = choose_model()

with show_errors():
    described = engine.describe()
    block = described.block
    quantized = sum(module.n_parameters for module in described.modules if module.is_quantized)
    metrics_row(
        [
            ("Class", described.architecture),
            ("Parameters", f"{described.n_parameters / 1e6:,.1f} million"),
            ("Weights", f"{described.bytes / 1e6:,.1f} MB"),
            ("Quantized", f"{quantized / described.n_parameters:.0%}", "Share of the parameters in 8 or 4 bits."),
            ("Blocks", f"{described.n_layers}"),
            ("Vocabulary", f"{described.vocab_rows:,} rows{', tied' if described.tied_embeddings else ''}",
             "Tied: the output matrix is the input matrix."),
        ]
    )  # fmt: skip
    st.subheader("One block", anchor=False)
    drawing = block_svg(described)
    st.image(drawing)
    st.caption(
        f"{escape_markdown(block.kind)}, {escape_markdown(block.name)}. A filled box is a matrix, in → out: "
        "blue as it is, orange quantized. A dashed box is a norm. "
        "PyTorch counts blocks from 0 in its names; on the other pages this one is layer 1."
    )
    st.download_button(
        "SVG", drawing, "block.svg", "image/svg+xml", icon=":material/download:", on_click="ignore",
        help="The drawing as a file.",
    )  # fmt: skip

    st.subheader("How it is stored", anchor=False)
    st.dataframe(precision_table(described), hide_index=True, width="content", column_config=NUMBERS)
    st.caption(
        "bitsandbytes quantizes the matrices of the blocks and leaves the embedding, the norms and the output "
        "matrix as they are. Bits per weight count the scales that belong to quantized numbers."
    )

    st.subheader("Modules", anchor=False)
    everything = st.toggle("All blocks", help="The blocks are alike; off, only the first is listed.", key="all_blocks")
    table = module_table(described, all_blocks=everything)
    event = st.dataframe(
        table, hide_index=True, width="stretch", height=420, column_config=NUMBERS, on_select="rerun",
        selection_mode="single-row", key="modules",
    )  # fmt: skip
    take_away("modules", table, {})
    with_weight = [module.name for module in described.modules]
    chosen = [str(table["Path"][row]) for row in event.selection.rows if row < len(table)]
    if chosen and chosen[0] in with_weight:
        state.put("module", chosen[0])
    elif chosen:
        st.info("This row holds other modules and has no weight of its own.", icon=":material/folder_open:")
    module = state.get("module")
    if module not in with_weight:
        largest = [m for m in described.modules if m.name.startswith(block.name + ".")] or list(described.modules)
        module = max(largest, key=lambda m: m.n_parameters).name
    st.subheader(f"Weights of {escape_markdown(module)}", anchor=False)
    with st.spinner("Counting …"):
        counted = histogram(model, quantization, module)
    metrics_row(
        [
            ("Weights", f"{counted.n:,}"),
            ("Stored as", counted.dtype),
            ("Mean", f"{counted.mean:.5f}"),
            ("Standard deviation", f"{counted.std:.5f}"),
            ("Least", f"{counted.min:.4f}"),
            ("Greatest", f"{counted.max:.4f}"),
        ]
    )
    st.plotly_chart(histogram_chart(counted), width="stretch", config=PICTURE_MENU)
    take_away(
        "weights", table.iloc[0:0],
        {"histogram": (lambda: counted.counts, f"int64 {counted.counts.shape}, numbers in each bin")},
    )  # fmt: skip
    code = loading_code(described, [])
    reproduce(CODE.format(model=model, quantization=quantization, module=module, loading=code))
