"""How tokens are drafted: the settings, their widgets and their Python."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import lmloupe as lm
from ui.state import store as state

__all__ = ["DRAFTS", "Drafting", "choose_drafting", "current_drafting"]

DRAFTS = {"prompt_lookup": "Prompt lookup", "early_layer": "Early layer"}


@dataclass(frozen=True, slots=True)
class Drafting:
    """How tokens are drafted for one pass.

    Attributes:
        draft: a key of `DRAFTS`.
        n_draft: most tokens for one pass.
        max_ngram: of prompt lookup; of another draft always the same.
        layer: of an early layer; None for half of them, and of another draft.
    """

    draft: str
    n_draft: int
    max_ngram: int
    layer: int | None

    def run(
        self, engine: lm.Engine, ids: tuple[int, ...], sampling: lm.Sampling, max_new_tokens: int, seed: int
    ) -> lm.Speculation:
        """Start a speculation, timed against plain decoding of the same text in turn."""
        return engine.speculate(
            ids, "prompt_lookup" if self.draft == "prompt_lookup" else "early_layer", sampling, max_new_tokens, seed,
            n_draft=self.n_draft, max_ngram=self.max_ngram, layer=self.layer, compare=True,
        )  # fmt: skip

    @property
    def code(self) -> str:
        """Its arguments of `Engine.speculate`, as Python: after the text, before the sampling."""
        return ", ".join(self._arguments())

    def _arguments(self) -> Iterator[str]:
        yield f"draft={self.draft!r}"
        yield f"n_draft={self.n_draft}"
        if self.draft == "prompt_lookup":
            yield f"max_ngram={self.max_ngram}"
        elif self.layer is not None:
            yield f"layer={self.layer}"


def current_drafting(n_layers: int) -> Drafting:
    """The settings as they are now.

    Args:
        n_layers: of the model; a link may name a layer that it does not have.
    """
    draft, layer = state.get("spec_draft"), state.get("spec_layer")
    lookup = draft == "prompt_lookup"
    return Drafting(
        draft,
        state.get("spec_drafted"),
        state.get("spec_ngram") if lookup else 3,
        None if lookup or not layer else min(layer, n_layers - 1),
    )


def choose_drafting(n_layers: int) -> Drafting:
    """Draw the widgets; the settings that they give."""
    draft = state.segmented(
        "spec_draft",
        "Draft",
        format_func=DRAFTS.__getitem__,
        help="Where the drafted tokens come from. Prompt lookup copies what followed the last tokens where they were "
        "in the text before. An early layer guesses with the first layers of the same model.",
    )
    state.number_input("spec_drafted", "Drafted tokens", help="Most tokens to draft for one pass.")
    if draft == "prompt_lookup":
        state.number_input(
            "spec_ngram", "Longest match", help="How many last tokens to look for first; then fewer, down to one."
        )
    else:
        state.number_input(
            "spec_layer",
            "Early layer",
            help=f"Draft with the first so many of the {n_layers} layers; 0 takes {max(1, n_layers // 2)}, half of "
            "them. A later layer agrees more often, and takes longer.",
        )
    return current_drafting(n_layers)
