"""What One block by hand asks of the library, kept for all sessions. Every cache is bounded."""

from __future__ import annotations

import streamlit as st

import lmloupe as lm
from ui.base.errors import Offer
from ui.base.kept.answers import answered
from ui.base.loaders import local_engine
from ui.state import store as state

__all__ = ["NotKeptError", "block_of", "blocks_of", "outliers_of", "product_of"]


class NotKeptError(lm.NotAvailableError):
    """Original numbers that are not kept beside a quantized model, with the button that loads them."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.offer = Offer("Load the model in float32", state.put, ("quantization", "none"))


@st.cache_resource(max_entries=64, show_spinner=False)
def block_of(
    model: str, quantization: lm.Quantization, module: str, row: int, block: int, spec: str
) -> lm.QuantizationBlock:
    """One block, worked.

    Raises:
        NotKeptError: the model was loaded quantized, and its original numbers are not kept.
    """
    loaded = local_engine(model, quantization)
    try:
        return lm.quantization_block(loaded, module, row, block, spec)
    except lm.NotAvailableError as error:
        if quantization == "none":  # published quantized: no way of loading it has them
            raise
        raise NotKeptError(str(error)) from error


@st.cache_resource(max_entries=24, show_spinner=False)
def blocks_of(model: str, quantization: lm.Quantization, module: str, spec: str) -> lm.MatrixBlocks:
    """Every block of a matrix, counted."""
    loaded = local_engine(model, quantization)
    return answered(loaded, lm.matrix_blocks, module, spec)


@st.cache_resource(max_entries=16, show_spinner=False)
def outliers_of(model: str, quantization: lm.Quantization, ids: tuple[int, ...]) -> lm.ActivationOutliers:
    """The largest inputs of every matrix on a text; another threshold is `ActivationOutliers.at`."""
    loaded = local_engine(model, quantization)
    return answered(loaded, lm.activation_outliers, ids)


@st.cache_resource(max_entries=32, show_spinner=False)
def product_of(
    model: str, quantization: lm.Quantization, ids: tuple[int, ...], module: str, threshold: float
) -> lm.Int8Product:
    """One product of LLM.int8(), compared with the exact one."""
    loaded = local_engine(model, quantization)
    return answered(loaded, lm.int8_product, ids, module, threshold)
