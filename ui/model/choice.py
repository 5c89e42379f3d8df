"""Which model, in which precision: the two controls that every page with a model begins with.

A model of the hub is loaded at a press of the button alone, never because a link or a list names it: before that the
page says what it will take in memory, what is to be downloaded, and whether it fits.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import streamlit as st

import lmloupe as lm
from ui.bar.bar import Bar
from ui.base import tally
from ui.base.errors import escape_markdown
from ui.base.glossary.entries import explained
from ui.base.loaders import display_name, embedded_fetch, engine
from ui.base.words import counted
from ui.cluster.address import cluster_address
from ui.model.needs import require
from ui.model.on_cluster import choose_served, where_it_runs
from ui.notebooks.drawn import page_drawn
from ui.pages import page
from ui.state import store as state
from ui.state.settings import AUTO, EMBEDDED_MODEL

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

__all__ = ["OFFERED", "choose_model", "fetch_embedded", "to_be_fetched"]

POLL_S = 0.2
OFFERED = (
    EMBEDDED_MODEL,
    "Qwen/Qwen2-0.5B-Instruct",
    "Qwen/Qwen2-1.5B-Instruct",
    "Qwen/Qwen2-7B-Instruct",
    "bigcode/starcoder2-3b",
    "microsoft/Phi-3-mini-4k-instruct",
    "meta-llama/Llama-3.1-8B-Instruct",
)
"""What the list offers: the embedded model, and one or more of each of the four families; any other id can be typed."""
QUANTIZATIONS = ("none", "int8", "nf4", "fp4")


@st.cache_resource(show_spinner=False)
def _asked_for() -> set[tuple[str, str]]:
    """What somebody has pressed the button for since the server started: loaded, so that others need not ask again."""
    return set()


@st.cache_data(max_entries=64, ttl=600, show_spinner=False)
def _estimate(model: str, quantization: lm.Quantization) -> lm.MemoryEstimate:
    return lm.memory_estimate(model, quantization)


def choose_model(bar: Bar, fixed: lm.Quantization | None = None) -> tuple[str, lm.Quantization, lm.Engine]:
    """Draw the choice in the bar, and load what is chosen.

    With ``fixed`` the model alone is a choice, loaded in that precision: for pages that compare precisions themselves.

    Ends the run of the page with one sentence when the model cannot be had, or is not asked for yet; what was typed
    stays. So it does where the engine cannot answer what this page asks (`ui.model.needs`).
    """
    chosen = choose_served(bar, fixed) if cluster_address() else _choose_here(bar, fixed)
    model, quantization, loaded, popover = chosen
    described = loaded.describe()
    with popover:
        st.caption(_summary(described))
        if cluster_address():
            st.caption(f":material/lan: {escape_markdown(where_it_runs(model, quantization))}")
        for note in described.notes:
            st.caption(f":material/info: {escape_markdown(note)}")
    if quantization != "none" and not described.n_quantized:
        st.warning(
            f"0 matrices are quantized: bitsandbytes found no layer of {escape_markdown(described.architecture)} that "
            f"it can store in {quantization}. The numbers are those of the model as it is without quantization.",
            icon=":material/compress:",
        )
    require(page_drawn.get(), model, loaded.capabilities)
    return model, quantization, loaded


def _choose_here(bar: Bar, fixed: lm.Quantization | None) -> tuple[str, lm.Quantization, lm.Engine, DeltaGenerator]:
    """The model, its precision, the model itself in this process, and the popover with the choice."""
    defaults = _defaults()
    held = fixed or state.get("quantization")
    held = defaults.quantization if held == AUTO else held
    precision = defaults.dtype if held == "none" else held
    label = f"{escape_markdown(display_name(state.get('model')))} · {precision}"
    popover = bar.picks.popover(label, icon=":material/memory:", key="pick_model")
    with popover:
        model, quantization = _controls(defaults, fixed)
    try:
        if model == EMBEDDED_MODEL:
            if to_be_fetched():
                fetch_embedded()
        elif (model, quantization) not in _asked_for():
            _ask(model, quantization)
        loaded = _loaded(model, quantization, defaults.dtype if quantization == "none" else quantization)
    except lm.LoupeError as error:
        tally.add("errors", type(error).__name__)
        _asked_for().discard((model, quantization))
        st.error(escape_markdown(str(error)))
        _offer_embedded(model)
        st.stop()
    return model, quantization, loaded, popover


def _offer_embedded(model: str) -> None:
    """The way out where another model cannot be had: the one that is part of LM Loupe."""
    if model != EMBEDDED_MODEL:
        st.button("Use SmolLM2", on_click=state.put, args=("model", EMBEDDED_MODEL), icon=":material/undo:")


def _controls(defaults: lm.MachineDefaults, fixed: lm.Quantization | None) -> tuple[str, lm.Quantization]:
    model = state.selectbox(
        "model",
        "Model",
        OFFERED,
        format_func=display_name,
        accept_new_options=True,
        help="The model that came with LM Loupe, the hub id of any causal language model, such as "
        "Qwen/Qwen2-0.5B-Instruct, or a folder with one, such as /home/me/model. Type to enter one.",
    )
    if fixed is not None:
        return model, fixed
    quantization = state.segmented(
        "quantization",
        "Precision",
        QUANTIZATIONS,
        otherwise=defaults.quantization,
        format_func=lambda choice: defaults.dtype if choice == "none" else choice,
        help=explained(
            "precision", f"{defaults.dtype}: as loaded. By bitsandbytes: int8 in 8 bits, nf4 and fp4 in 4 bits."
        ),
    )
    return model, quantization


def _defaults() -> lm.MachineDefaults:
    if "torch" in sys.modules:
        return lm.machine_defaults()
    with st.spinner("Loading torch …"):  # once a process, some seconds
        return lm.machine_defaults()


@st.cache_resource(show_spinner=False)
def _loaded_before() -> set[tuple[str, str]]:
    """What has been loaded since the server started, and most probably still is."""
    return set()


def _loaded(model: str, quantization: lm.Quantization, precision: str) -> lm.Engine:
    if (model, quantization) in _loaded_before():  # a spinner is a thread, at every move of every slider
        return engine(model, quantization)
    with st.spinner(f"Loading {escape_markdown(display_name(model))} ({precision}) …", show_time=True):
        loaded = engine(model, quantization)
    _loaded_before().add((model, quantization))
    return loaded


def _ask(model: str, quantization: lm.Quantization) -> None:
    """Say what the model will take; go on only where the button is pressed.

    Raises:
        lmloupe.LoupeError: there is no such model, or nobody can say.
    """
    with st.spinner(f"Asking what {escape_markdown(display_name(model))} takes …", show_time=True):
        estimate = _estimate(model, quantization)
    said = f"{escape_markdown(model)}: {escape_markdown(estimate.sentence)}"
    if estimate.fits:
        st.info(said, icon=":material/memory:")
    else:
        smaller = "fewer bits or a smaller model" if quantization == "none" else "a smaller model"
        st.warning(f"{said} Choose {smaller}, or a machine with more memory.", icon=":material/memory:")
    label = "Download and load" if estimate.download_bytes else "Load"
    st.button(
        label,
        type="primary",
        icon=":material/download:",
        disabled=not estimate.fits,
        on_click=_asked_for().add,
        args=((model, quantization),),
        help="Until then nothing is downloaded but the model's description, some kilobytes.",
    )
    planner = page("planner")
    weights = _defaults().dtype if quantization == "none" else quantization
    st.page_link(
        planner.path, label="See what would fit, in every precision", icon=planner.icon_shortcode,
        query_params=state.link_params(plan_model=model, plan_precision=weights, plan_card="here"),
    )  # fmt: skip
    _offer_embedded(model)
    st.stop()


def to_be_fetched() -> bool:
    """Whether this process needs the embedded model's file and does not have it: on a cluster it needs none."""
    return not cluster_address() and lm.embedded_model_folder() is None


def fetch_embedded() -> None:
    """Fetch the embedded model, with its progress on the page.

    Raises:
        LoupeError: it cannot be had; a button to try again is drawn.
    """
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
    precision = f"all in {described.compute_dtype}"
    if described.quantization != "none":
        precision = (
            f"{counted(described.n_quantized, 'matrix', 'matrices')} in {described.quantization}, computed in "
            f"{described.compute_dtype}"
        )
    limit = described.context_length
    context = f"context of {limit:,} tokens" if limit else "context length not given"
    return (
        f"{described.n_parameters / 1e6:,.0f} million parameters, {described.bytes / 1e6:,.0f} MB on "
        f"{described.device}, {precision}; "
        f"{counted(described.n_layers, 'layer')} of width {described.width}, {context}. {_published(described)}"
    )


def _published(described: lm.ModelDescription) -> str:
    if described.name == EMBEDDED_MODEL:
        return (
            f"The weights are expanded from the published {described.published_as} file: no choice here is the "
            "precision in which the model was trained."
        )
    return f"Published as {escape_markdown(described.published_as)}." if described.published_as else ""
