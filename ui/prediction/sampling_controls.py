"""The sampling settings, drawn alike on every page that draws tokens."""

from __future__ import annotations

from dataclasses import fields

import streamlit as st

import lmloupe as lm
from ui.state import store as state

__all__ = ["PRESETS", "choose_sampling", "sampling_presets"]

PRESETS = {
    "All off": (lm.Sampling(), "Draw from the model's own distribution."),
    "Greedy": (lm.Sampling(temperature=0.0), "Always the best token."),
    "Top-k 5": (lm.Sampling(top_k=5), "Strike out all but the five best."),
    "Top-p 0.75": (lm.Sampling(top_p=0.75), "Keep the fewest tokens that reach three quarters of the probability."),
    "Min-p 0.1": (lm.Sampling(min_p=0.1), "Keep what has at least a tenth of the best token's probability."),
    "Temperature 0.7, top-p 0.9": (lm.Sampling(temperature=0.7, top_p=0.9), "Sharpen first, then cut the tail."),
}
"""Settings to begin with, and what each shows."""


def sampling_presets() -> None:
    """One button for each of `PRESETS`; it sets all five controls of `choose_sampling`, which stay free to move."""
    with st.container(horizontal=True, gap="small"):
        for name, (sampling, shows) in PRESETS.items():
            st.button(name, key=f"preset_{name}", help=shows, on_click=_take, args=(sampling,))


def _take(sampling: lm.Sampling) -> None:
    for field in fields(sampling):
        state.put(field.name, getattr(sampling, field.name))


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
