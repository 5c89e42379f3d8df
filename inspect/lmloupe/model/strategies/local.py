"""Texts found by a strategy in this process: the part of `lmloupe.model.local` that answers `StrategyQuestions`."""

from __future__ import annotations

from collections.abc import Collection

from lmloupe.encodings.encoding import TextOrIds
from lmloupe.model.passes.loaded import OfLoaded
from lmloupe.model.sampling.pipeline import Sampling
from lmloupe.model.strategies import answers
from lmloupe.model.strategies.answers import LocalBeamSearch, LocalContrastiveSearch
from lmloupe.model.strategies.questions import StrategyQuestions
from lmloupe.model.strategies.results import EarlyStopping
from lmloupe.model.strategies.speculative.answers import LocalSpeculation, speculate
from lmloupe.model.strategies.speculative.results import Draft

__all__ = ["StrategyAnswers"]


class StrategyAnswers(OfLoaded, StrategyQuestions):
    """Strategies with a model that is loaded in this process; what each method does is said in the questions."""

    def beam_search(
        self,
        text_or_ids: TextOrIds,
        num_beams: int = 4,
        max_new_tokens: int = 128,
        *,
        length_penalty: float = 1.0,
        early_stopping: EarlyStopping = False,
        stop_ids: Collection[int] | None = None,
    ) -> LocalBeamSearch:
        return answers.beam_search(
            self.loaded, self.input_ids(text_or_ids), num_beams, max_new_tokens,
            length_penalty=length_penalty, early_stopping=early_stopping, stop_ids=stop_ids,
        )  # fmt: skip

    def contrastive_search(
        self,
        text_or_ids: TextOrIds,
        penalty_alpha: float = 0.6,
        top_k: int = 4,
        max_new_tokens: int = 128,
        *,
        stop_ids: Collection[int] | None = None,
    ) -> LocalContrastiveSearch:
        ids = self.input_ids(text_or_ids)
        return answers.contrastive_search(self.loaded, ids, penalty_alpha, top_k, max_new_tokens, stop_ids=stop_ids)

    def speculate(
        self,
        text_or_ids: TextOrIds,
        draft: Draft = "prompt_lookup",
        sampling: Sampling | None = None,
        max_new_tokens: int = 128,
        seed: int = 0,
        *,
        n_draft: int = 5,
        max_ngram: int = 3,
        layer: int | None = None,
        compare: bool = False,
        stop_ids: Collection[int] | None = None,
    ) -> LocalSpeculation:
        ids, sampling = self.input_ids(text_or_ids), sampling or Sampling()
        return speculate(
            self.loaded, ids, draft, sampling, max_new_tokens, seed,
            n_draft=n_draft, max_ngram=max_ngram, layer=layer, compare=compare, stop_ids=stop_ids,
        )  # fmt: skip
