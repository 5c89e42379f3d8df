"""What is asked for on Strategies: which of them, from which prompt, with which settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import streamlit as st

import lmloupe as lm
from ui.base.glossary.entries import explained
from ui.generation.speculative.drafting import Drafting
from ui.prediction.sampling_controls import choose_sampling
from ui.state import store as state

__all__ = ["NAMES", "Asked", "EarlyStopping", "choose"]

EarlyStopping = Literal["never"] | bool

NAMES: Mapping[str, str] = MappingProxyType(
    {
        "greedy": "Greedy",
        "sampling": "Sampling",
        "beam": "Beam search",
        "contrastive": "Contrastive search",
        "prompt_lookup": "Speculative: prompt lookup",
        "early_layer": "Speculative: early layer",
    }
)
_STOPPING: Mapping[str, tuple[str, EarlyStopping]] = MappingProxyType(
    {
        "no": ("while the best beam could rank now", False),
        "yes": ("at the first full set", True),
        "never": ("while any length could rank", "never"),
    }
)
_GREEDY = lm.Sampling(temperature=0)


@dataclass(frozen=True, slots=True)
class Asked:
    """One strategy with all that its text depends on.

    Attributes:
        strategy: a key of `NAMES`.
        model: name of the model.
        quantization: its precision.
        ids: the prompt.
        n: most tokens to write.
        sampling: of greedy, sampling and the speculative ones; None of the others.
        seed: of the draws; 0 where nothing is drawn.
        num_beams: of beam search, as the next two; 0 elsewhere.
        length_penalty: 1 elsewhere.
        early_stopping: False elsewhere.
        penalty_alpha: of contrastive search, as the next; 0 elsewhere.
        top_k: 0 elsewhere.
        drafting: of the speculative ones; None elsewhere.
    """

    strategy: str
    model: str
    quantization: lm.Quantization
    ids: tuple[int, ...]
    n: int
    sampling: lm.Sampling | None = None
    seed: int = 0
    num_beams: int = 0
    length_penalty: float = 1.0
    early_stopping: EarlyStopping = False
    penalty_alpha: float = 0.0
    top_k: int = 0
    drafting: Drafting | None = None

    @property
    def name(self) -> str:
        """What the screen calls it."""
        return NAMES[self.strategy]


def choose(model: str, quantization: lm.Quantization, engine: lm.Engine, ids: tuple[int, ...]) -> tuple[Asked, ...]:
    """Draw the settings, in the gear; what is asked for then."""
    chosen = state.multiselect("strategies", "Strategies", format_func=NAMES.__getitem__)
    n = state.number_input("strategies_tokens", "Maximum new tokens")
    st.markdown("**Sampling**")
    seed = state.number_input("seed", "Seed")
    sampling = choose_sampling(tok=engine.tokenizer)
    st.markdown("**Beam search**")
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        beams = state.number_input("num_beams", "Beams", width=150, help=explained("beam_search", "1 is greedy."))
        penalty = state.number_input(
            "length_penalty", "Length penalty", step=0.1, width=150,
            help="Finished texts are ranked by log probability divided by tokens to this power. 0 ranks by probability "
            "alone; above 0 longer texts gain.",
        )  # fmt: skip
        stopping = state.selectbox(
            "early_stopping", "Search on", format_func=lambda key: _STOPPING[key][0], width=290,
            help="As many texts as beams have ended: whether to look for better ones. transformers calls these "
            "early_stopping=False, True and “never”.",
        )  # fmt: skip
    st.markdown("**Contrastive search**")
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        alpha = state.number_input(
            "penalty_alpha", "Penalty α", step=0.1, width=150,
            help="Share of the penalty for being like what is written; 0 is greedy.",
        )  # fmt: skip
        k = state.number_input("contrastive_k", "Candidates k", width=150, help="The k most probable tokens.")
    drafting = Drafting("prompt_lookup", state.get("spec_drafted"), state.get("spec_ngram"), None)
    early = Drafting("early_layer", state.get("spec_drafted"), 3, _layer(engine))
    spec = _GREEDY if _speculative() == "greedy" else sampling
    base = Asked("greedy", model, quantization, ids, n)
    found = {
        "greedy": replace(base, sampling=_GREEDY),
        "sampling": replace(base, sampling=sampling, seed=seed),
        "beam": replace(base, num_beams=beams, length_penalty=penalty, early_stopping=_STOPPING[stopping][1]),
        "contrastive": replace(base, penalty_alpha=alpha, top_k=k),
        "prompt_lookup": replace(base, sampling=spec, seed=_seed(spec, seed), drafting=drafting),
        "early_layer": replace(base, sampling=spec, seed=_seed(spec, seed), drafting=early),
    }
    return tuple(replace(found[strategy], strategy=strategy) for strategy in chosen)


def _seed(sampling: lm.Sampling, seed: int) -> int:
    return 0 if sampling == _GREEDY else seed


def _speculative() -> str:
    st.markdown("**Speculative decoding**")
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        draws = state.segmented(
            "spec_draws", "Text of", format_func={"greedy": "Greedy", "sampling": "Sampling"}.__getitem__,
            help="Speculative decoding draws from the same distribution as this strategy does, only at another speed.",
        )  # fmt: skip
        state.number_input("spec_drafted", "Drafted tokens", width=150, help="Most tokens to draft for one pass.")
        state.number_input(
            "spec_ngram", "Longest match", width=150,
            help="Prompt lookup looks for so many last tokens first; then for fewer, down to one.",
        )  # fmt: skip
        state.number_input(
            "spec_layer", "Early layer", width=150, help="Draft with the first so many layers; 0 takes half of them."
        )
    return str(draws)


def _layer(engine: lm.Engine) -> int | None:
    layer: int = state.get("spec_layer")
    return min(layer, engine.describe().n_layers - 1) or None
