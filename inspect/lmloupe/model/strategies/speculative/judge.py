"""Accept or reject a drafted token so that the text is distributed as if the model had drawn it by itself. NumPy only.

The rule is that of Leviathan et al., "Fast Inference from Transformers via Speculative Decoding" (2023), algorithm 1,
and Chen et al., "Accelerating Large Language Model Decoding with Speculative Sampling" (2023), algorithm 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmloupe.model.sampling.pipeline import Sampling, draw
from lmloupe.model.sampling.sampler import Sampler

__all__ = ["Judge", "Proposal", "acceptance", "residual"]

FloatArray: TypeAlias = NDArray[np.float64]


def acceptance(p: FloatArray, q: FloatArray, token_id: int) -> float:
    """The probability with which a token that was drawn from ``q`` is accepted as one of ``p``: min(1, p / q).

    >>> acceptance(np.array([0.2, 0.8]), np.array([0.5, 0.5]), 0)
    0.4
    """
    return min(1.0, float(p[token_id]) / float(q[token_id]))


def residual(p: FloatArray, q: FloatArray) -> FloatArray:
    """What is drawn from in place of a rejected token: max(0, p - q), made to sum to 1; float64 (vocab,).

    Where the two are the same up to rounding there is nothing to add, and what is left is ``p``.

    >>> residual(np.array([0.25, 0.5, 0.25]), np.array([0.5, 0.25, 0.25])).tolist()
    [0.0, 1.0, 0.0]
    """
    more = np.maximum(p - q, 0.0)
    total = more.sum()
    result: FloatArray = more / total if total > 0 else p
    return result


@dataclass(frozen=True, slots=True, eq=False)
class Proposal:
    """One drafted token.

    Attributes:
        token_id: the token.
        probs: float64 (vocab,), q, what it was drawn from; None where nothing else could have been proposed (a point
            mass on the token).
    """

    token_id: int
    probs: FloatArray | None = None

    @property
    def prob(self) -> float:
        """The probability that the draft gave the token."""
        return 1.0 if self.probs is None else float(self.probs[self.token_id])


class Judge(Sampler):
    """A sampler that is told what was drafted for the place that it draws for.

    Against a point mass, min(1, p / q) is the model's own probability of the token, and the residual is the model's
    distribution without it: just what comes of drawing as if nothing had been drafted, and accepting where the draw is
    the drafted token. So that is done: the text is then the one that the same seed gives without a draft, whatever the
    sampling rules are.
    """

    def __init__(self, sampling: Sampling, seed: int) -> None:
        super().__init__(sampling, seed)
        self._coins = np.random.default_rng((seed, 1))
        self._proposal: Proposal | None = None
        self.target_prob = float("nan")

    def expect(self, proposal: Proposal | None) -> None:
        """What was drafted for the next place; None where the model is on its own."""
        self._proposal = proposal

    def choose(self, logits: ArrayLike, ids: Sequence[int]) -> int:
        """Draw one token: the drafted one where it is accepted, else another; `target_prob` is then the drafted one's.

        Args:
            logits: (vocab,), the model's raw scores after the text.
            ids: all tokens of the text so far, the prompt's and those that were drafted and accepted included.
        """
        probs, proposal = self.probs(logits, ids), self._proposal
        token_id = self._drawn(probs, proposal)
        self.remember(token_id, probs)
        return token_id

    def _drawn(self, p: FloatArray, proposal: Proposal | None) -> int:
        if proposal is None:
            return draw(p, self._rng)
        self.target_prob = float(p[proposal.token_id])
        if proposal.probs is None:
            return draw(p, self._rng)
        if self._coins.random() < acceptance(p, proposal.probs, proposal.token_id):
            return proposal.token_id
        return draw(residual(p, proposal.probs), self._coins)
