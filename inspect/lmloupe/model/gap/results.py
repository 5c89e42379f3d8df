"""What a causal and a masked model say about a gap in a sentence: plain data, without torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lmloupe.model.sampling.pipeline import log_softmax

__all__ = ["Gap", "GapCandidate", "MaskedCandidate", "MaskedDescription", "MaskedGap", "RightSide", "shares_of"]


def shares_of(log_probs: Sequence[float]) -> NDArray[np.float64]:
    """Log-probabilities as shares that sum to 1 among them, float64 (n,).

    >>> shares_of([-100.0, -100.0]).tolist()
    [0.5, 0.5]
    """
    found = np.asarray(log_probs, np.float64)
    if not len(found):
        return found
    weights = np.exp(found - found.max())
    return np.asarray(weights / weights.sum(), np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class RightSide:
    """The scores at the gap in a pass over a text with something behind the gap.

    Attributes:
        text: what stands behind the gap.
        input_ids: int32 (n,), what the model read: the left side's tokens, and those of this right side.
        logits: float32 (vocab_rows,), the scores after the last token of the left side, in that very pass.
        off: how far they are from the scores of the left side alone: root mean square of the difference against how
            far the scores spread; 0 where they are equal bit by bit.
    """

    text: str
    input_ids: NDArray[np.int32]
    logits: NDArray[np.float32]
    off: float

    @property
    def probs(self) -> NDArray[np.float64]:
        """float64 (vocab_rows,), the probabilities at the gap; they sum to 1."""
        return np.exp(log_softmax(self.logits))


@dataclass(frozen=True, slots=True)
class GapCandidate:
    """One text in the gap, and the log-probabilities of the whole texts that it makes.

    Attributes:
        text: as it stands between left and right.
        origin: ``"given"``, or ``"model"`` for one of the model's own most probable tokens.
        left_log_prob: natural log of the probability of left + candidate: each token after those before it, added up.
        whole_log_prob: the same of left + candidate + right.
        token_ids: the tokens of the whole sentence that hold a character of the candidate.
        merges: whether one of them holds characters of a side as well: the tokenizer joined them across the edge.
    """

    text: str
    origin: Literal["given", "model"]
    left_log_prob: float
    whole_log_prob: float
    token_ids: tuple[int, ...]
    merges: bool

    @property
    def right_log_prob(self) -> float:
        """Natural log of the probability of the right side, given left and candidate: what the right side adds."""
        return self.whole_log_prob - self.left_log_prob


@dataclass(frozen=True, slots=True, eq=False)
class Gap:
    """A gap in a sentence as a causal model sees it.

    Attributes:
        left: the text before the gap, as given.
        right: the text after it.
        input_ids: int32 (n,), what the model read before the gap. One space at the end of the left side is left to
            the token that follows, as tokenizers write it.
        logits: float32 (vocab_rows,), the scores of the next token after the left side alone.
        rights: the scores at the same place with something behind the gap: the right side, then the others.
        tolerance: the largest `RightSide.off` that rounding alone explains for this model's numbers.
        candidates: in the order in which they were given, then the model's own, best first.
        skipped: how many of the model's own most probable tokens were passed over on the way to these, as they are
            special tokens, parts of a character, or do not fit behind the left side as it is written.
    """

    left: str
    right: str
    input_ids: NDArray[np.int32]
    logits: NDArray[np.float32]
    rights: tuple[RightSide, ...]
    tolerance: float
    candidates: tuple[GapCandidate, ...]
    skipped: int

    @property
    def log_probs(self) -> NDArray[np.float64]:
        """float64 (vocab_rows,), natural logs of the probabilities of the next token after the left side."""
        return log_softmax(self.logits)

    @property
    def largest_change(self) -> float:
        """The largest difference of any token's probability at the gap, over all right sides: 0, or rounding."""
        own = np.exp(self.log_probs)
        return max((float(np.abs(one.probs - own).max()) for one in self.rights), default=0.0)

    @property
    def right_side_is_seen(self) -> bool:
        """Whether some right side moved the scores at the gap by more than rounding does; False of a causal model."""
        return any(one.off > self.tolerance for one in self.rights)

    @property
    def left_shares(self) -> NDArray[np.float64]:
        """float64 (k,), the candidates by left + candidate, as shares among them."""
        return shares_of([one.left_log_prob for one in self.candidates])

    @property
    def whole_shares(self) -> NDArray[np.float64]:
        """float64 (k,), the candidates by the whole sentence, as shares among them."""
        return shares_of([one.whole_log_prob for one in self.candidates])


@dataclass(frozen=True, slots=True)
class MaskedDescription:
    """What is loaded: a model that fills masks.

    Attributes:
        name: hub id or folder.
        revision: the hub's commit, None for a folder.
        architecture: the model's class in transformers.
        n_parameters: all numbers, tied ones once.
        bytes: of all weights as they lie in memory.
        device: ``"cuda"``, ``"mps"`` or ``"cpu"``.
        dtype: of the weights.
        mask_token: what stands for a gap, ``"[MASK]"``.
        mask_id: its id.
        context_length: most tokens that it reads at once; None without a limit.
    """

    name: str
    revision: str | None
    architecture: str
    n_parameters: int
    bytes: int
    device: str
    dtype: str
    mask_token: str
    mask_id: int
    context_length: int | None


@dataclass(frozen=True, slots=True)
class MaskedCandidate:
    """One text in the gap, as a masked model scores it.

    Attributes:
        text: as it stands between left and right.
        token_ids: the tokens of the whole sentence that hold a character of it; each was a mask.
        token_log_probs: natural log of each one's probability, with those before it in place and those after it still
            masked.
        merges: whether one of them holds characters of a side as well.
    """

    text: str
    token_ids: tuple[int, ...]
    token_log_probs: tuple[float, ...]
    merges: bool

    @property
    def log_prob(self) -> float:
        """Natural log of the probability of all its tokens: the sum."""
        return float(np.sum(self.token_log_probs))


@dataclass(frozen=True, slots=True, eq=False)
class MaskedGap:
    """A gap in a sentence as a masked model sees it: both sides, and one mask between them.

    Attributes:
        left: the text before the gap.
        right: the text after it.
        input_ids: int32 (n,), what the model read, with its mask in the place of the gap.
        mask_position: of the mask, from 0.
        logits: float32 (vocab_rows,), the scores at the mask.
        candidates: in the order in which they were given.
    """

    left: str
    right: str
    input_ids: NDArray[np.int32]
    mask_position: int
    logits: NDArray[np.float32]
    candidates: tuple[MaskedCandidate, ...]

    @property
    def log_probs(self) -> NDArray[np.float64]:
        """float64 (vocab_rows,), natural logs of the probabilities of every token at the mask."""
        return log_softmax(self.logits)

    @property
    def shares(self) -> NDArray[np.float64]:
        """float64 (k,), the candidates as shares among them."""
        return shares_of([one.log_prob for one in self.candidates])
