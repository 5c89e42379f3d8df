"""What an engine says about prompts in one batch: plain data, without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lmloupe.model.sampling.pipeline import log_softmax

__all__ = ["PaddedBatch", "PaddingSide", "Positions"]

PaddingSide: TypeAlias = Literal["left", "right"]
Positions: TypeAlias = Literal["mask", "plain"]


@dataclass(frozen=True, slots=True, eq=False)
class PaddedBatch:
    """Prompts of different length read as one rectangle, and each of them alone.

    Attributes:
        input_ids: int32 (b, n), the prompts and the pad tokens beside them; n is the longest prompt's length.
        is_pad: bool (b, n), which of them were put there to fill the rectangle.
        attention_mask: bool (b, n), what the model was told to look at: not the padding, or everything.
        position_ids: int32 (b, n), the place that the model was told each token has; None where it takes none.
        logits: float32 (b, vocab_rows), the scores in the last column, which ``generate`` draws the next token from.
        own_logits: float32 (b, vocab_rows), the scores after each prompt's own last token, in the same batch.
        alone_logits: float32 (b, vocab_rows), the scores after each prompt read by itself.
    """

    input_ids: NDArray[np.int32]
    is_pad: NDArray[np.bool_]
    attention_mask: NDArray[np.bool_]
    position_ids: NDArray[np.int32] | None
    logits: NDArray[np.float32]
    own_logits: NDArray[np.float32]
    alone_logits: NDArray[np.float32]

    @property
    def probs(self) -> NDArray[np.float64]:
        """float64 (b, vocab_rows), the probabilities in the last column; each row sums to 1."""
        return np.exp(log_softmax(self.logits))

    @property
    def alone_probs(self) -> NDArray[np.float64]:
        """float64 (b, vocab_rows), the probabilities after each prompt read by itself."""
        return np.exp(log_softmax(self.alone_logits))

    @property
    def divergence_bits(self) -> NDArray[np.float64]:
        """float64 (b,): how far the batch moved what each prompt is continued with.

        The Kullback-Leibler divergence of the distribution in the last column from that of the prompt alone, in bits:
        0 where nothing changed. Rounding leaves some millionths.
        """
        return _divergence_bits(self.alone_logits, self.logits)

    @property
    def own_divergence_bits(self) -> NDArray[np.float64]:
        """float64 (b,): the same for the scores after each prompt's own last token."""
        return _divergence_bits(self.alone_logits, self.own_logits)


def _divergence_bits(right: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float64]:
    p, q = log_softmax(right), log_softmax(other)
    weights = np.exp(p)
    # Where the model itself rules an id out, 0 log 0 counts as 0.
    terms = np.where(weights > 0, weights * (np.where(weights > 0, p, 0.0) - q), 0.0)
    found: NDArray[np.float64] = np.maximum(terms.sum(-1), 0.0) / np.log(2)
    return found
