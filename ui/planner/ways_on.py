"""From the planner to the pages that load a model: for one that fits this machine and that can be named there."""

from __future__ import annotations

import streamlit as st

import lmloupe as lm
from ui.pages import page
from ui.planner.plans import Planned
from ui.planner.verdicts import Fits
from ui.state import store as state
from ui.state.names import PASTED

__all__ = ["LOADED", "draw_ways_on", "loadable"]

HERE = "here"
LOADED = {"float32": "none", "int8": "int8", "nf4": "nf4", "fp4": "fp4"}
"""What the pages with a model load, by the planner's precision."""


def loadable(found: Planned) -> str | None:
    """The name that `lmloupe.load_engine` takes; None for what it cannot load."""
    if found.asked.model == PASTED:
        return None
    known = found.plan.model.known
    if known is None or found.plan.model.source == "embedded":
        return found.asked.model
    return known.hub_id if known.counted == "transformers" else None


def draw_ways_on(found: Planned, fits: Fits) -> None:
    """Links to Precision and to Next token; nothing where this machine cannot hold the model."""
    name, spec = loadable(found), found.spec
    if name is None or fits[HERE, spec].left_bytes < 0:
        return
    with st.container(horizontal=True, gap="small"):
        st.page_link(
            page("precision").path, label="Compare its precisions here", icon=page("precision").icon_shortcode,
            query_params=state.link_params(model=name), help="It fits this machine: opens it on Precision.",
        )  # fmt: skip
        if spec in LOADED:
            st.page_link(
                page("next_token").path, label=f"Load it here in {lm.Precision.parse(spec).label}",
                icon=page("next_token").icon_shortcode,
                query_params=state.link_params(model=name, quantization=LOADED[spec]),
                help="It fits this machine: opens it on Next token, where a press of a button loads it.",
            )  # fmt: skip
