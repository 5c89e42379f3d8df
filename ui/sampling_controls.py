"""The sampling settings, drawn alike on every page that draws tokens."""

from __future__ import annotations

import streamlit as st

import lmloupe as lm
from ui import state

__all__ = ["choose_sampling"]


def choose_sampling(suffix: str = "") -> lm.Sampling:
    """Five controls, in the order in which the settings are applied; ``suffix="_b"`` for the second of two settings."""
    columns = st.columns(5)
    with columns[0]:
        penalty = state.slider(
            f"repetition_penalty{suffix}",
            "Repetition penalty",
            step=0.05,
            help="Lowers the scores of tokens that are in the text already; 1 changes nothing.",
        )
    with columns[1]:
        temperature = state.slider(
            f"temperature{suffix}",
            "Temperature",
            step=0.05,
            help="Below 1 sharpens, above 1 flattens; 0 always takes the best token.",
        )
    with columns[2]:
        top_k = state.number_input(f"top_k{suffix}", "Top-k", help="Keep only the k most probable tokens; 0 keeps all.")
    with columns[3]:
        top_p = state.slider(
            f"top_p{suffix}",
            "Top-p",
            step=0.01,
            help="Keep the fewest tokens that together reach this probability; 1 keeps all.",
        )
    with columns[4]:
        min_p = state.slider(
            f"min_p{suffix}",
            "Min-p",
            step=0.01,
            help="Keep tokens with at least this share of the best token's probability; 0 keeps all.",
        )
    return lm.Sampling(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p, repetition_penalty=penalty)
