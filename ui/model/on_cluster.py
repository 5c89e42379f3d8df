"""The choice of a model where models are on a cluster: what that serves, and a sentence where it does not."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

import lmloupe as lm
from ui.bar.bar import Bar
from ui.base.errors import escape_markdown, say_error
from ui.base.glossary.entries import explained
from ui.base.loaders import display_name, engine
from ui.base.words import counted
from ui.cluster.address import cluster_place
from ui.cluster.coming_back import come_back
from ui.cluster.presence import presence
from ui.cluster.served import models_of, nothing_served, precisions_of, served_words
from ui.state import store as state
from ui.state.settings import AUTO, EMBEDDED_MODEL

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

__all__ = ["choose_served", "where_it_runs"]

MOST_OFFERED = 6
_Served = Sequence[tuple[str, lm.Quantization]]


def choose_served(bar: Bar, fixed: lm.Quantization | None) -> tuple[str, lm.Quantization, lm.Engine, DeltaGenerator]:
    """Draw the choice among what the cluster serves, and connect to what is chosen; ends the run where there is none.

    While the cluster is away a page goes on with what it was connected to: what is known already stays on the screen.

    Args:
        bar: of the page.
        fixed: the precision that the page wants, where the cluster serves the model in it.

    Returns:
        The model, its precision, the way to it, and the popover with the choice.
    """
    error: lm.LoupeError | None = None
    try:
        with nullcontext() if presence().known else st.spinner("Joining the cluster …", show_time=True):
            presence().served()
    except lm.LoupeError as found:  # not swallowed: said where the page cannot go on without an answer
        error = found
    served = [(one.model, one.quantization) for one in presence().known]
    model, quantization = _chosen(served, fixed)
    loaded: lm.Engine | None = None
    if (model, quantization) in served:
        try:
            loaded = engine(model, quantization)
            error = None
        except lm.LoupeError as found:  # not swallowed: said below the choice
            error = found
    if loaded is None and error is None and not served:
        error = nothing_served()
    dtype = loaded.describe().compute_dtype if loaded is not None else "unquantized"
    shown = dtype if quantization == "none" else quantization
    popover = bar.picks.popover(
        f"{escape_markdown(display_name(model))} · {shown}", icon=":material/memory:", key="pick_model"
    )
    with popover:
        _controls(served, model, fixed, dtype)
    if error is not None:
        say_error(error)
        st.stop()
    if loaded is None:
        _say_not_served(served, model, quantization)
    assert loaded is not None  # noqa: S101 - the line above ends the run
    return model, quantization, loaded, popover


def _chosen(served: _Served, fixed: lm.Quantization | None) -> tuple[str, lm.Quantization]:
    """What is asked for: the embedded model unless another one is named, in a precision that is served if none is."""
    models = models_of(served, EMBEDDED_MODEL)
    model = state.get("model")
    if model == EMBEDDED_MODEL and models and model not in models:
        model = models[0]  # nobody has named one
    precisions = precisions_of(served, model)
    asked = fixed if fixed in precisions else None if fixed is not None else state.get("quantization")
    if asked is None or asked == AUTO:
        asked = precisions[0] if precisions else "none"
    return model, asked


def _controls(served: _Served, model: str, fixed: lm.Quantization | None, dtype: str) -> None:
    models = models_of(served, EMBEDDED_MODEL)
    offered = models if model in models else (*models, model)
    state.selectbox(
        "model", "Model", offered, otherwise=model, help="The models that the cluster serves.",
        format_func=lambda name: display_name(name) + ("" if name in models else " (not served)"),
    )  # fmt: skip
    precisions = precisions_of(served, model)
    if fixed is None and precisions:
        state.segmented(
            "quantization", "Precision", precisions, otherwise=precisions[0],
            format_func=lambda choice: dtype if choice == "none" else choice,
            help=explained("precision", "The precisions in which the cluster serves this model."),
        )  # fmt: skip


def _say_not_served(served: _Served, model: str, quantization: lm.Quantization) -> None:
    """Say what the cluster does not serve, with a button for each thing that it does; ends the run."""
    precisions = precisions_of(served, model)
    what = display_name(model)
    if precisions:
        what += " unquantized" if quantization == "none" else f" in {quantization}"
    named = [(display_name(name), each) for name, each in served]
    st.info(
        escape_markdown(f"The cluster at {cluster_place()} does not serve {what}; {served_words(named)}."),
        icon=":material/info:",
    )
    offered = [(name, each) for name, each in served if not precisions or name == model]
    with st.container(horizontal=True, gap="small"):
        for name, each in offered[:MOST_OFFERED]:
            words = "unquantized" if each == "none" else f"in {each}"
            st.button(
                escape_markdown(f"Use {display_name(name)} {words}"), key=f"use_{name}_{each}",
                on_click=partial(_use, name, each), icon=":material/undo:",
            )  # fmt: skip
    come_back("If the cluster begins to serve it, this page shows it by itself.", tries_again=False)
    st.stop()


def _use(model: str, quantization: lm.Quantization) -> None:
    state.put("model", model)
    state.put("quantization", quantization)


def where_it_runs(model: str, quantization: lm.Quantization) -> str:
    """Where the model runs, in one sentence."""
    n = next((one.n_replicas for one in presence().known if (one.model, one.quantization) == (model, quantization)), 0)
    copies = f", {counted(n, 'replica')}" if n else ""
    return f"Runs on the cluster at {cluster_place()}{copies}; no model is loaded in this process."
