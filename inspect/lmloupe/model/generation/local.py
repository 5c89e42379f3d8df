"""What a model in this process writes: the part of `lmloupe.model.local` that answers `GenerationQuestions`."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from lmloupe.encodings.encoding import TextOrIds
from lmloupe.model.constrained.constraint import Constraint
from lmloupe.model.generation import answers
from lmloupe.model.generation.questions import GenerationQuestions
from lmloupe.model.generation.results import NextToken, Serving
from lmloupe.model.generation.serving.request import LocalGeneration
from lmloupe.model.generation.serving.scheduler import Scheduler
from lmloupe.model.passes.loaded import OfLoaded
from lmloupe.model.sampling.pipeline import Sampling

__all__ = ["GenerationAnswers"]


class GenerationAnswers(OfLoaded, GenerationQuestions):
    """What comes next, from a model that is loaded in this process; what each method does is said in the questions."""

    scheduler: Scheduler

    def next_token(self, text_or_ids: TextOrIds) -> NextToken:
        return answers.next_token(self.loaded, self.input_ids(text_or_ids))

    def generate(
        self,
        text_or_ids: TextOrIds,
        sampling: Sampling | None = None,
        max_new_tokens: int = 128,
        seed: int = 0,
        *,
        lens: bool = False,
        stop_ids: Collection[int] | None = None,
        constraint: Constraint | None = None,
        written: Sequence[int] = (),
    ) -> LocalGeneration:
        ids, sampling, scheduler = self.input_ids(text_or_ids), sampling or Sampling(), self.scheduler
        return answers.generate(
            self.loaded, scheduler, ids, sampling, max_new_tokens, seed,
            lens=lens, stop_ids=stop_ids, constraint=constraint, written=written,
        )  # fmt: skip

    def serving(self) -> Serving:
        return self.scheduler.serving()
