"""The draws of one generation, token after token."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from lmloupe.model.sampling.pipeline import Sampling, draw, sampling_probs

__all__ = ["Sampler"]


class Sampler:
    """What draws the tokens of one generation. It may remember what it drew, so each generation has its own.

    Args:
        sampling: the settings.
        seed: of NumPy's PCG64, at least 0.

    >>> sampler = Sampler(Sampling(temperature=0), seed=0)
    >>> sampler.choose([1.0, 3.0, 2.0], [5, 7])
    1
    """

    def __init__(self, sampling: Sampling, seed: int) -> None:
        self.sampling = sampling
        self._rng = np.random.default_rng(seed)

    @property
    def takes_the_best(self) -> bool:
        """Whether the token with the largest score is always drawn: no need to bring all scores to the CPU."""
        return self.sampling.temperature == 0 and self.sampling.repetition_penalty == 1

    def choose(self, logits: ArrayLike, ids: Sequence[int]) -> int:
        """Draw one token.

        Args:
            logits: (vocab,), the model's raw scores after the text.
            ids: all tokens of the text so far, the prompt's included.
        """
        previous = np.asarray(ids) if self.sampling.repetition_penalty != 1 else None
        return draw(sampling_probs(logits, self.sampling, previous), self._rng)
