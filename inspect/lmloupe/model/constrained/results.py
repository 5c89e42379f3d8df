"""What a grammar did at one step of a generation: plain data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["ConstrainedStep"]


@dataclass(frozen=True, slots=True, eq=False)
class ConstrainedStep:
    """What the grammar allowed at one step; all probabilities but one are the model's own, before any setting.

    Attributes:
        n_allowed: how many rows of the vocabulary might come, the tokens that end the text included where it may end.
        struck_out: probability of all others together.
        log_prob: natural-log probability of the token that was drawn once the others are struck out: its own less
            ``log(1 - struck_out)``. Sampling settings come after it.
        overruled: whether the token that the model puts first (``top_ids[0]`` of the step) was struck out.
        top_allowed: bool (10,), which of ``top_ids`` of the step might come.
        allowed_ids: int32 (k,), the most probable of those that might, best first; at most 10.
        allowed_log_probs: float64 (k,), theirs.
        complete: whether the text satisfies the grammar as it is after this token.
    """

    n_allowed: int
    struck_out: float
    log_prob: float
    overruled: bool
    top_allowed: NDArray[np.bool_]
    allowed_ids: NDArray[np.int32]
    allowed_log_probs: NDArray[np.float64]
    complete: bool

    @property
    def forced(self) -> bool:
        """Whether there was no choice: one token alone might come."""
        return self.n_allowed == 1
