"""Which model, in which precision: the two controls that every page with a model begins with."""

from __future__ import annotations

import streamlit as st

import lmloupe as lm
from ui import state
from ui.errors import escape_markdown
from ui.loaders import display_name, embedded_fetch, engine
from ui.settings import EMBEDDED_MODEL

__all__ = ["choose_model"]

POLL_S = 0.2
QUANTIZATION_WORDS = {
    "none": "none (full precision)",
    "int8": "int8",
    "nf4": "nf4 (4 bits)",
    "fp4": "fp4 (4 bits)",
}


def choose_model() -> tuple[str, lm.Quantization, lm.Engine]:
    """Draw the controls, load what is chosen, and say in one line what is loaded.

    Ends the run of the page with one sentence when the model cannot be had; what was typed stays.
    """
    model_column, quantization_column = st.columns([3, 4], vertical_alignment="bottom")
    with model_column:
        model = state.selectbox(
            "model",
            "Model",
            format_func=display_name,
            accept_new_options=True,
            help="The model that came with LM Loupe, or the hub id of any causal language model, such as "
            "Qwen/Qwen2-0.5B-Instruct. Type to enter one.",
        )
    with quantization_column:
        quantization = state.segmented(
            "quantization",
            "Quantization",
            format_func=QUANTIZATION_WORDS.__getitem__,
            help="How bitsandbytes stores the weights: fewer bits, less memory, other numbers.",
        )
    try:
        if model == EMBEDDED_MODEL and lm.embedded_model_folder() is None:
            _fetch_embedded()
        with st.spinner(f"Loading {display_name(model)} ({quantization}) …", show_time=True):
            loaded = engine(model, quantization)
    except lm.LoupeError as error:
        st.error(escape_markdown(str(error)))
        st.stop()
    st.caption(_summary(loaded.describe()))
    return model, quantization, loaded


def _fetch_embedded() -> None:
    fetch = embedded_fetch()
    bar = st.progress(0.0, "Preparing the embedded model, once for this machine …")
    while not fetch.wait(POLL_S):
        if fetch.progress is not None:
            bar.progress(fetch.progress.fraction, fetch.progress.message)
    bar.empty()
    if fetch.error is not None:
        st.button("Try again", on_click=embedded_fetch.clear, icon=":material/refresh:")
        raise fetch.error


def _summary(described: lm.ModelDescription) -> str:
    quantized = sum(module.is_quantized for module in described.modules)
    precision = f"{quantized} matrices in {described.quantization}" if quantized else "not quantized"
    return (
        f"{described.n_parameters / 1e6:,.0f} million parameters, {described.bytes / 1e6:,.0f} MB on "
        f"{described.device}, {precision}, computing in {described.compute_dtype}; {described.n_layers} layers of "
        f"width {described.width}, context of {described.context_length:,} tokens."
    )
