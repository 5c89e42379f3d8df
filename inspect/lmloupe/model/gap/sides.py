"""A candidate between the two sides of a gap, as tokens of the whole sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmloupe.encodings.encoding import encode
from lmloupe.errors import InvalidSettingError, InvalidTextError
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["Filled", "check_candidates", "filled"]


@dataclass(frozen=True, slots=True, eq=False)
class Filled:
    """A sentence with a candidate in its gap.

    Attributes:
        input_ids: int32 (n,), the whole sentence with what the tokenizer adds by itself.
        places: where among them a character of the candidate is.
        merges: whether a token at one of these places holds characters of a side as well.
    """

    input_ids: NDArray[np.int32]
    places: tuple[int, ...]
    merges: bool


def filled(tok: Tokenizer, left: str, candidate: str, right: str) -> Filled:
    """Tokenize left + candidate + right at once, and find the candidate in it.

    >>> from lmloupe import load_tokenizer
    >>> found = filled(load_tokenizer("llama-3.1"), "un", "happi", "ness")
    >>> found.input_ids.tolist(), found.places, found.merges
    ([128000, 359, 71, 67391], (2, 3), True)
    """
    enc = encode(tok, left + candidate + right, add_special_tokens=True)
    start, end = len(left), len(left) + len(candidate)
    # A space at the candidate's edge is part of a token with the word behind it in most vocabularies.
    first = start + len(candidate) - len(candidate.lstrip()) if candidate.strip() else start
    starts, ends = enc.offsets[:, 0], enc.offsets[:, 1]
    inside = (starts < end) & (ends > first)
    places = tuple(np.flatnonzero(inside).tolist())
    space_before = first - start + (1 if left.endswith(" ") else 0)
    merges = bool(((starts[inside] < first - space_before) | (ends[inside] > end)).any())
    return Filled(enc.input_ids, places, merges)


def check_candidates(candidates: Sequence[str], most: int) -> list[str]:
    """The candidates, each once.

    Raises:
        InvalidSettingError: too many.
        InvalidTextError: an empty one.
    """
    if isinstance(candidates, str) or len(candidates) > most:
        raise InvalidSettingError(f"The candidates must be a list of at most {most} texts.")
    for i, candidate in enumerate(candidates, 1):
        if not candidate.strip():
            raise InvalidTextError(f"Candidate {i} of {len(candidates)} is empty: write a word or remove it.")
    return list(dict.fromkeys(candidates))
