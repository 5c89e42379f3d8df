"""What the models say about a gap, kept for all sessions; and the masked model, once it is asked for."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

import lmloupe as lm
from ui.base.errors import escape_markdown
from ui.base.garbage import set_imports_aside
from ui.base.kept.answers import answered
from ui.base.loaders import engine
from ui.state import store as state
from ui.state.settings.prediction import MASKED_MODELS

__all__ = ["Attended", "attended", "choose_masked", "gap", "masked_gap"]


@st.cache_resource(max_entries=64, show_spinner=False)
def gap(
    model: str,
    quantization: lm.Quantization,
    sides: tuple[str, str],
    candidates: tuple[str, ...],
    rights: tuple[str, ...],
    own: int,
) -> lm.Gap:
    """The gap as the causal model sees it: a few passes for each candidate."""
    left, right = sides
    loaded = engine(model, quantization)
    return answered(loaded, lm.Engine.gap, left, right, candidates, other_rights=rights, top_k=own)


@dataclass(frozen=True, slots=True)
class Attended:
    """What the tokens before a gap look at.

    Attributes:
        to_right: the largest attention weight from one of them to a token after the gap; 0 under a causal mask.
        n_layers, n_heads: over how many layers and heads it was sought.
    """

    to_right: float
    n_layers: int
    n_heads: int


@st.cache_resource(max_entries=64, show_spinner=False)
def attended(model: str, quantization: lm.Quantization, ids: tuple[int, ...], n_left: int) -> Attended | None:
    """The weights of all layers in one pass over both sides; None where the model has none to show."""
    loaded = engine(model, quantization)
    try:
        loaded.attention_summary(ids)  # one pass, of which the layers below are read
        weights = [loaded.attention_weights(ids, i).weights for i in range(loaded.describe().n_layers)]
    except lm.NotAvailableError:
        return None  # a model without attention: what was shown above of its scores stands by itself
    return Attended(max(float(one[:, :n_left, n_left:].max()) for one in weights), len(weights), len(weights[0]))


@st.cache_resource(max_entries=1, show_spinner=False)
def _masked(name: str) -> lm.MaskedModel:
    """One masked model for all sessions."""
    set_imports_aside()
    return lm.load_masked_model(name)


@st.cache_resource(max_entries=64, show_spinner=False)
def masked_gap(name: str, sides: tuple[str, str], candidates: tuple[str, ...]) -> lm.MaskedGap:
    """The gap as the masked model sees it."""
    return _masked(name).gap(*sides, candidates)


@st.cache_resource(show_spinner=False)
def _asked_for() -> set[str]:
    """What somebody has pressed the button for since the server started."""
    return set()


@st.cache_data(max_entries=16, ttl=600, show_spinner=False)
def _estimate(name: str) -> lm.MemoryEstimate:
    return lm.masked_memory_estimate(name)


def choose_masked() -> lm.MaskedModel | None:
    """Draw the choice of a masked model, and load it at a press of the button alone; None without one."""
    name = state.selectbox(
        "masked_model", "A masked model beside it", MASKED_MODELS, format_func=lambda one: one or "none",
        accept_new_options=True,
        help="The hub id of any masked language model, such as google-bert/bert-base-uncased, or a folder with one, "
        "such as /home/me/bert. Type to enter one.",
    )  # fmt: skip
    if not name:
        st.caption(
            "A masked model (BERT, RoBERTa) was trained to fill a gap and sees both sides of it at once. None is part "
            "of LM Loupe; the smallest in the list is about 330 MB."
        )
        return None
    try:
        if name in _asked_for():
            with st.spinner(f"Loading {escape_markdown(name)} …", show_time=True):
                return _masked(name)
        with st.spinner(f"Asking what {escape_markdown(name)} takes …", show_time=True):
            estimate = _estimate(name)
    except lm.LoupeError as error:
        _asked_for().discard(name)
        st.error(escape_markdown(str(error)))
        st.button("Go on without a masked model", on_click=state.put, args=("masked_model", ""))
        return None
    said = f"{escape_markdown(name)}: {escape_markdown(estimate.sentence)}"
    (st.info if estimate.fits else st.warning)(said, icon=":material/memory:")
    st.button(
        "Download and load" if estimate.download_bytes else "Load", key="load_masked", type="primary",
        icon=":material/download:", disabled=not estimate.fits, on_click=_asked_for().add, args=(name,),
    )  # fmt: skip
    return None
