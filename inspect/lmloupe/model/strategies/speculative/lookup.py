"""A draft by prompt lookup: what followed the last words of the text where they stood before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["lookup"]


def lookup(ids: Sequence[int], n_draft: int, max_ngram: int) -> tuple[list[int], tuple[int, int] | None]:
    """What followed the longest n-gram at the end of the text that stands in it before, where it stands first.

    Source: Saxena, "Prompt Lookup Decoding" (2023); of several places the first, as there and in transformers.

    Args:
        ids: the text so far.
        n_draft: most tokens to propose.
        max_ngram: most tokens that must agree; shorter n-grams are tried down to a single token.

    Returns:
        The proposed tokens, and where they stand in the text and how long the n-gram before them is; none and None
        where even the last token is a new one.

    >>> lookup([7, 8, 9, 5, 7, 8], n_draft=2, max_ngram=3)
    ([9, 5], (2, 2))
    """
    if n_draft < 1:
        return [], None
    text = np.asarray(ids)
    for size in range(min(max_ngram, len(text) - 1), 0, -1):
        windows = np.lib.stride_tricks.sliding_window_view(text[:-1], size)  # the end itself is no place before it
        places = np.flatnonzero((windows == text[-size:]).all(1))
        if len(places):
            start = int(places[0]) + size
            return text[start : start + n_draft].tolist(), (start, size)
    return [], None
