"""Which precisions are compared, and with what."""

from __future__ import annotations

import streamlit as st

import lmloupe as lm
from ui.bar.bar import Bar
from ui.base.glossary.entries import explained
from ui.base.words import counted
from ui.precision.compare.names import OFFERED, short
from ui.state import store as state
from ui.state.checks import MAX_PRECISIONS

__all__ = ["choose_precisions"]

LEVELS = ("nf4", "fp4")
DTYPES = ("auto", "float32", "bfloat16", "float16")


def choose_precisions(bar: Bar) -> tuple[str, ...]:
    """Draw the choice in the bar and the rarer ones in the gear; returns the specs of what is compared."""
    chosen = state.get("precisions")
    popover = bar.picks.popover(counted(len(chosen), "precision"), icon=":material/compress:", key="pick_precisions")
    with popover:
        chosen = state.multiselect(
            "precisions", "Compare", OFFERED, format_func=_name, accept_new_options=True, max_selections=MAX_PRECISIONS,
            help="bfloat16 and float16: 16 bits, nothing quantized. int8, fp4, nf4: stored and multiplied by "
            "bitsandbytes. With a wave (~) a format is simulated: each weight is rounded to what the format can "
            "store, and its kernels are not run. Type others, such as nf4+double@bfloat16.",
        )  # fmt: skip
        with st.form("add_precision", border=False):
            st.caption("A 4-bit precision with its settings:")
            with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
                st.segmented_control("Levels", LEVELS, default=LEVELS[0], required=True, key="add_levels")
                st.selectbox(
                    "Compute dtype", DTYPES, width=140, key="add_dtype",
                    help="What the products are computed in: bitsandbytes' bnb_4bit_compute_dtype. "
                    "auto: that of the activations.",
                )  # fmt: skip
            st.toggle("Double quantization", key="add_double", help=explained("double_quantization"))
            st.form_submit_button("Add", on_click=_add, icon=":material/add:")
    with bar.gear:
        state.segmented(
            "baseline", "Baseline", format_func=lambda one: "as loaded" if one == "auto" else one,
            help="What all others are measured against.",
        )  # fmt: skip
        state.slider("compared_tokens", "Tokens of the continuation", help="Greedy: always the most probable token.")
    return chosen


def _add() -> None:
    """Add what the form says, where it is not there yet and there is room."""
    held = st.session_state
    made = lm.Precision(held["add_levels"], held["add_double"], held["add_dtype"])
    now = state.get("precisions")
    if made.spec not in now and len(now) < MAX_PRECISIONS:
        state.put("precisions", (*now, made.spec))


def _name(spec: str) -> str:
    try:
        return short(lm.Precision.parse(spec))
    except lm.InputError:
        return spec  # not swallowed: the setting's check refuses it, and says why
