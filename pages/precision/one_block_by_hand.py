"""One block by hand: each weight of one block from its number to its code, its byte and what comes back."""

from __future__ import annotations

import streamlit as st

import lmloupe as lm
from lmloupe.precision.block.places import blocks_in_row
from ui.bar.bar import page_bar
from ui.base.downloads import PICTURE_MENU, take_away
from ui.base.errors import escape_markdown, show_errors
from ui.base.glossary.tables import data_table
from ui.base.loaders import encoding
from ui.base.words import counted
from ui.components.block_view import block_view, picked_weight
from ui.model.answers import readable
from ui.model.choice import choose_model
from ui.page import finding, reproduce, words_here
from ui.precision.block import outlier_view, words
from ui.precision.block.answers import block_of, blocks_of, outliers_of, product_of
from ui.precision.block.code import block_code
from ui.precision.block.picture import block_picture, block_table, double_picture, double_table, level_table, told
from ui.state import store as state
from ui.vectors.architecture_parts import in_block

VIEW, DOUBLE_VIEW = "block_view", "double_view"
FINE = {name: st.column_config.NumberColumn(format="%.6g") for name in (
    "Weight", "Scaled", "Level", "Back", "Error", "Absmax", "Minus the mean", "Largest input")}  # fmt: skip

bar = page_bar("block")
weights: lm.Weights = state.get("block_format")
text = bar.text() if weights == "int8" else ""
model, quantization, engine = choose_model(bar)
described = engine.describe()

with show_errors():
    modules = {info.name: info for info in described.modules}
    module = state.get("module")
    if module not in modules:
        # The first one that is quantized, or would be.
        first = in_block(described, 1) or described.modules
        module = max(first, key=lambda info: info.n_parameters).name
    shape = modules[module].shape
    n_rows = shape[0] if len(shape) > 1 else 1
    width = 1
    for size in shape[1:] if len(shape) > 1 else shape:
        width *= size
    double = bool(state.get("block_double")) and weights in ("nf4", "fp4")
    precision = lm.Precision(weights, double_quant=double)
    row = min(state.get("block_row"), n_rows - 1)
    last = blocks_in_row(width, row, weights) - 1
    number = min(state.get("block_number"), last)

    def go(to: tuple[int, int]) -> None:
        """Show another block of the matrix."""
        state.put("block_row", to[0])
        state.put("block_number", to[1])
        state.put("block_weight", -1)

    def take() -> None:
        """A weight was pressed."""
        if (place := picked_weight(VIEW, range(256))) is not None:
            state.put("block_weight", place)

    try:
        found = block_of(model, quantization, module, row, number, precision.spec)
    except lm.LoupeError:  # the ways back: to a format that can be worked, to a module with a weight
        state.segmented("block_format", "Format", format_func=words.FORMATS.__getitem__)
        state.selectbox("module", "Module", list(modules), otherwise=module, width=380)
        raise
    counted_blocks = None
    if found.origin != "none":
        with st.spinner("Counting every block of the matrix …"):
            counted_blocks = blocks_of(model, quantization, module, precision.spec)
    bytes_each = 4 if described.compute_dtype == "float32" else 2
    finding(words.found(found, bytes_each))
    block_view(
        block_picture(found, counted_blocks), told(found, state.get("block_weight")),
        name=f"{counted(len(found.codes), 'weight')} of {module} in {precision.label}", key=VIEW, on_pick=take,
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        state.segmented("block_format", "Format", format_func=words.FORMATS.__getitem__)
        if weights in ("nf4", "fp4"):
            state.toggle("block_double", "Double quantization")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        state.selectbox(
            "module", "Module", list(modules), otherwise=module, width=380,
            help="As PyTorch names it: there, layers count from 0.",
        )  # fmt: skip
        state.number_input("block_row", "Row", max_value=n_rows - 1, width=130)
        state.number_input(
            "block_number", "Block", max_value=last, width=130,
            help="The weights of the row that share one scale. Not a block of the model, which is a layer.",
        )  # fmt: skip
        st.button(
            "Block before", icon=":material/chevron_left:", on_click=go, args=((row, number - 1),),
            disabled=number == 0,
        )  # fmt: skip
        st.button(
            "Next block", icon=":material/chevron_right:", on_click=go, args=((row, number + 1),),
            disabled=number == last,
        )  # fmt: skip
        if counted_blocks is not None:
            st.button("Largest error", on_click=go, args=(counted_blocks.with_largest_error,),
                      help="The block of this matrix with the largest error.")  # fmt: skip
            st.button("Largest weight", on_click=go, args=(counted_blocks.with_largest_weight,),
                      help="The block that holds the weight of greatest magnitude.")  # fmt: skip
    st.markdown(escape_markdown(words.about_format(found)))
    st.caption(escape_markdown(words.checked(found, published_so=described.quantization == "none")))
    if counted_blocks is not None:
        st.caption(
            f"Whole matrix, {n_rows:,} × {width:,}: relative error {counted_blocks.relative_error:.2%} in this format, "
            "which is the root of the summed squares of all errors over that of all weights."
        )
    for note in found.notes:
        st.caption(f":material/info: {escape_markdown(note)}")
    if few := words.already_few(found):
        st.caption(few)

    if found.double is not None:
        twice = found.double
        finding(words.double_found(twice))
        block_view(
            double_picture(twice), twice.place, key=DOUBLE_VIEW,
            name=f"{counted(len(twice.codes), 'scale')} of {module}, quantized in turn",
        )  # fmt: skip
        st.caption(words.about_double(twice))

    if weights == "int8":
        enc = encoding(engine.tokenizer, text, True, True)
        ids = readable(engine, enc)
        threshold = state.get("outlier_threshold")
        with st.spinner("Reading the text …"):
            inputs = outliers_of(model, quantization, ids).at(threshold)
        largest = max(inputs.modules, key=lambda one: float(one.largest.max()))
        if module in {one.name for one in inputs.modules}:
            product = product_of(model, quantization, ids, module, threshold)
            finding(outlier_view.outliers_found(product))
            st.plotly_chart(outlier_view.columns_chart(product), width="stretch", config=PICTURE_MENU)
            st.markdown(escape_markdown(outlier_view.errors_sentence(product)))
        else:
            finding("bitsandbytes never multiplies this matrix in int8")
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            state.slider(
                "outlier_threshold", "Threshold", step=0.5, width=320,
                help="An input column with any magnitude from here on is multiplied in floating point. 6.0 is what "
                "bitsandbytes takes unless told otherwise.",
            )  # fmt: skip
            if largest.name != module:
                st.button(
                    "The matrix with the largest input", on_click=state.put, args=("module", largest.name),
                    help=f"{largest.name}: {words.number(float(largest.largest.max()))}",
                )  # fmt: skip
        with st.expander("Outliers of every matrix on this text"):
            listed = outlier_view.matrices_table(inputs)
            data_table(listed, hide_index=True, width="stretch", column_config=FINE)
            take_away("outliers", listed, {})
        if module in {one.name for one in inputs.modules}:
            with st.expander("The inputs of this matrix as a table"):
                data_table(outlier_view.column_table(product), hide_index=True, width="stretch", column_config=FINE)

    st.header("The same as a table", anchor=False)
    table = block_table(found)
    data_table(table, hide_index=True, width="stretch", height=320, column_config=FINE)
    take_away(
        "block", table,
        {
            "codes": (lambda: found.codes, f"int16 ({len(found.codes)},), one code a weight"),
            "packed": (lambda: found.packed, f"uint8 ({len(found.packed)},), the bytes as they are stored"),
        },
    )  # fmt: skip
    with st.expander("The levels as a table"):
        levels = level_table(found, counted_blocks)
        data_table(levels, hide_index=True, width="content", column_config=FINE)
        take_away("levels", levels, {})
    if found.double is not None:
        with st.expander("The scales as a table"):
            scales = double_table(found.double)
            data_table(scales, hide_index=True, width="stretch", column_config=FINE)
            take_away("scales", scales, {})
    words_here("quantization", "nf4", "absmax", "double_quantization", "outlier")
    reproduce(block_code(model, quantization, described, found))
