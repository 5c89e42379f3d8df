"""What a model answers about a text, kept for all sessions: score, attention, attribution. Every cache is bounded."""

from __future__ import annotations

import streamlit as st

import lmloupe as lm
from ui.base.loaders import engine
from ui.base.words import counted

__all__ = ["MAX_ATTENTION_TOKENS", "attention", "attention_summary", "attribution", "readable", "scored"]

N_EXPECTED = 10
MAX_ATTENTION_TOKENS = 512
"""Attention of one layer grows with the square of the text: 32 heads over 512 tokens are 34 MB."""


def readable(loaded: lm.Engine, enc: lm.Encoding) -> tuple[int, ...]:
    """The ids of an encoding, once they are some that the model can read.

    Raises:
        lmloupe.InvalidTextError: no token at all.
        lmloupe.ContextLengthError: more tokens than the context holds.
    """
    if len(enc) == 0:
        raise lm.InvalidTextError("The text has no tokens: write at least one character for the model to read.")
    described = loaded.describe()
    if 0 < described.context_length < len(enc):
        raise lm.ContextLengthError(
            f"The text has {counted(len(enc), 'token')}, but {described.name} reads at most "
            f"{described.context_length:,} at once: "
            f"shorten it by {counted(len(enc) - described.context_length, 'token')}."
        )
    return tuple(enc.input_ids.tolist())


@st.cache_resource(max_entries=64, show_spinner=False)
def scored(model: str, quantization: lm.Quantization, ids: tuple[int, ...]) -> lm.Scored:
    """Every token of a text under the model's prediction for its place: one forward pass."""
    return engine(model, quantization).score(ids, top_k=N_EXPECTED)


@st.cache_resource(max_entries=8, show_spinner=False)
def attention(model: str, quantization: lm.Quantization, ids: tuple[int, ...], layer: int) -> lm.AttentionWeights:
    """Attention weights of one layer, (n_heads, n, n), and what goes to a sink."""
    return engine(model, quantization).attention_weights(ids, layer)


@st.cache_resource(max_entries=32, show_spinner=False)
def attention_summary(model: str, quantization: lm.Quantization, ids: tuple[int, ...]) -> lm.AttentionSummary:
    """Every head of every layer in a few numbers: one pass, which `attention` of the same text goes on from."""
    return engine(model, quantization).attention_summary(ids)


@st.cache_resource(max_entries=128, show_spinner=False)
def attribution(
    model: str, quantization: lm.Quantization, ids: tuple[int, ...], token_id: int, position: int
) -> lm.Attribution:
    """What each part of the model adds to the logit of a token at a position."""
    return engine(model, quantization).attribution(ids, token_id, position)
