"""The sampling settings, drawn alike on every page that draws tokens."""

from __future__ import annotations

import streamlit as st

import lmloupe as lm
from ui import state

__all__ = ["choose_sampling"]


def choose_sampling() -> lm.Sampling:
    """Five controls, in the order in which the settings are applied."""
    columns = st.columns(5)
    with columns[0]:
        penalty = state.slider(
            "repetition_penalty",
            "Repetition penalty",
            step=0.05,
            help="Lowers the scores of tokens that are in the text already; 1 changes nothing.",
        )
    with columns[1]:
        temperature = state.slider(
            "temperature",
            "Temperature",
            step=0.05,
            help="Below 1 sharpens, above 1 flattens; 0 always takes the best token.",
        )
    with columns[2]:
        top_k = state.number_input("top_k", "Top-k", help="Keep only the k most probable tokens; 0 keeps all.")
    with columns[3]:
        top_p = state.slider(
            "top_p",
            "Top-p",
            step=0.01,
            help="Keep the fewest tokens that together reach this probability; 1 keeps all.",
        )
    with columns[4]:
        min_p = state.slider(
            "min_p",
            "Min-p",
            step=0.01,
            help="Keep tokens with at least this share of the best token's probability; 0 keeps all.",
        )
    return lm.Sampling(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p, repetition_penalty=penalty)
