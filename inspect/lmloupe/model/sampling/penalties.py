"""The rules that look at the text: penalties for what is in it, and what may not come again.

What each does, and whose it is, is told by `lmloupe.Sampling`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from lmloupe.model.sampling.scores import Scores

__all__ = ["dry", "frequency", "no_repeat_ngram", "presence", "repetition"]

IntArray = NDArray[np.int64]


def _of_the_vocabulary(ids: IntArray, scores: Scores) -> IntArray:
    return ids[ids < len(scores.order)]  # a model may read tokens that it cannot write


def repetition(scores: Scores, text: IntArray, penalty: float) -> Scores:
    """Divide positive scores of what is in the text by ``penalty``, multiply negative ones with it."""
    seen = _of_the_vocabulary(np.unique(text), scores)
    return scores.divide(seen, penalty) if len(seen) else scores


def presence(scores: Scores, text: IntArray, penalty: float) -> Scores:
    """Take ``penalty`` from the score of each token that is in the text."""
    seen = _of_the_vocabulary(np.unique(text), scores)
    return scores.lower(seen, penalty) if len(seen) else scores


def frequency(scores: Scores, text: IntArray, penalty: float) -> Scores:
    """Take ``penalty`` from the score of each token once for each time that it is in the text."""
    seen, counts = np.unique(_of_the_vocabulary(text, scores), return_counts=True)
    with np.errstate(over="ignore"):
        amounts = counts * penalty
    return scores.lower(seen, amounts) if len(seen) else scores


def no_repeat_ngram(scores: Scores, text: IntArray, n: int) -> Scores:
    """Remove what would complete a run of ``n`` tokens that is in the text."""
    if len(text) < n:
        return scores
    runs = sliding_window_view(text, n)
    begun = text[len(text) - n + 1 :]
    banned = runs[(runs[:, :-1] == begun).all(axis=1), -1]
    kept = np.ones(len(scores.order), dtype=np.bool_)
    kept[_of_the_vocabulary(banned, scores)] = False
    return scores.keep(kept)


def _repetitions(text: IntArray, breakers: Sequence[int]) -> tuple[IntArray, IntArray]:
    """Tokens that followed a copy of the end of the text, each once, and how long the longest such copy was."""
    n = len(text)
    broken = np.isin(text, breakers)
    longest = int(broken[::-1].argmax()) if broken.any() else n  # what follows the last breaker
    ends = np.flatnonzero((text[:-1] == text[-1]) & ~broken[1:]) if n and longest else np.empty(0, np.int64)
    lengths = np.ones(len(ends), np.int64)
    going, length = np.arange(len(ends)), 1
    while len(going) and length < longest:
        going = going[ends[going] >= length]
        going = going[text[ends[going] - length] == text[n - 1 - length]]
        length += 1
        lengths[going] = length
    following, which = np.unique(text[ends + 1], return_inverse=True)
    most = np.zeros(len(following), np.int64)
    np.maximum.at(most, which, lengths)
    return following, most


def dry(
    scores: Scores,
    text: IntArray,
    *,
    multiplier: float,
    base: float,
    allowed_length: int,
    range_: int,
    breakers: Sequence[int],
) -> Scores:
    """Take ``multiplier * base ** (length - allowed_length)`` from what would continue a repetition of that length."""
    following, lengths = _repetitions(text[-range_:], breakers)
    costly = (lengths >= allowed_length) & (following < len(scores.order))
    if not costly.any():
        return scores
    with np.errstate(over="ignore"):
        amounts = multiplier * np.power(base, (lengths[costly] - allowed_length).astype(np.float64))
    return scores.lower(following[costly], amounts)
