"""How tokens are drafted: the settings, the run that they start and their Python."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import lmloupe as lm

__all__ = ["DRAFTS", "Drafting"]

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
