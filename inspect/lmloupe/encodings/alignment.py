"""Several tokenizers on one ruler: at which characters each cuts, where all agree, where one cuts alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lmloupe.encodings.encoding import Encoding
from lmloupe.errors import InvalidSettingError

__all__ = ["Alignment", "align"]


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """The boundaries of k encodings of one text of c characters. Position p lies before character p; c is the end.

    Attributes:
        encodings: the k encodings, as they were given.
        text: their common text.
        boundaries: bool (k, c + 1), True where the encoding cuts. The start and the end are always cuts.
        counts: int32 (c + 1,), how many encodings cut at each position.
        shared: int32, positions where every encoding cuts, the start and the end among them.
        alone: k arrays int32, inner positions where only this one cuts; empty arrays for a single encoding.
        agreement: float64 (k, k), Jaccard index of the inner cuts of each pair: cuts in both, as a share of the cuts in
            either; 1.0 where neither cuts.
        segments: int32 (m, 2), half-open pairs of characters between neighbouring shared cuts: they tile the text.
        tokens_per_segment: int32 (k, m), tokens with characters of the segment, tokens that a tokenizer added left out.
    """

    encodings: tuple[Encoding, ...] = field(repr=False)
    text: str
    boundaries: NDArray[np.bool_] = field(repr=False)
    counts: NDArray[np.int32] = field(repr=False)
    shared: NDArray[np.int32]
    alone: tuple[NDArray[np.int32], ...]
    agreement: NDArray[np.float64]
    segments: NDArray[np.int32] = field(repr=False)
    tokens_per_segment: NDArray[np.int32] = field(repr=False)

    def cuts(self, i: int) -> NDArray[np.int32]:
        """Positions at which encoding ``i`` cuts, ascending, the start and the end among them: int32."""
        return np.flatnonzero(self.boundaries[i]).astype(np.int32)


def _boundaries(enc: Encoding) -> NDArray[np.bool_]:
    n_chars = len(enc.text)
    starts, ends = enc.offsets[enc.offsets[:, 0] < enc.offsets[:, 1]].T
    begins = np.zeros(n_chars + 1, np.bool_)
    begins[starts] = True
    # The first token owns what lies before it.
    begins[: int(starts.min(initial=n_chars)) + 1] = False
    # How many tokens reach over each position: one that opens before it and closes after it.
    over = np.bincount(starts + 1, minlength=n_chars + 2)[: n_chars + 1] - np.bincount(ends, minlength=n_chars + 1)
    cuts: NDArray[np.bool_] = begins & (np.cumsum(over) == 0)
    cuts[[0, n_chars]] = True
    return cuts


def _agreement(boundaries: NDArray[np.bool_]) -> NDArray[np.float64]:
    inner = boundaries[:, 1:-1]
    k = len(inner)
    result = np.ones((k, k))
    for i in range(k):
        for j in range(i):
            either = np.count_nonzero(inner[i] | inner[j])
            if either:
                result[i, j] = result[j, i] = np.count_nonzero(inner[i] & inner[j]) / either
    return result


def align(encodings: Sequence[Encoding]) -> Alignment:
    """Put every tokenizer's boundaries on one ruler of characters.

    A cut lies between two characters: tokens that are parts of one character make none, and a character that no token
    covers (the tokenizer removed it, or its vocabulary cannot spell it: `Encoding.removed`) belongs to the token before
    it. Takes time linear in the text.

    Args:
        encodings: one or more encodings of the same text.

    Returns:
        An `Alignment`.

    Raises:
        InvalidSettingError: no encodings, or encodings of different texts.

    >>> from lmloupe.encodings.encoding import encode
    >>> from lmloupe import load_tokenizer
    >>> both = align([encode(load_tokenizer(key), "coconut 123") for key in ("llama-3.1", "starcoder2")])
    >>> [both.cuts(i).tolist() for i in (0, 1)]
    [[0, 2, 7, 8, 11], [0, 2, 5, 7, 8, 9, 10, 11]]
    >>> both.shared.tolist(), [alone.tolist() for alone in both.alone]
    ([0, 2, 7, 8, 11], [[], [5, 9, 10]])
    """
    if not encodings:
        raise InvalidSettingError("There is nothing to align: give at least one encoding.")
    text = encodings[0].text
    for place, enc in enumerate(encodings):
        if enc.text != text:
            raise InvalidSettingError(
                f"Encoding {place + 1} is of another text than the first ({len(enc.text):,} and {len(text):,} "
                "characters): align encodings of the same text."
            )
    boundaries = np.stack([_boundaries(enc) for enc in encodings])
    counts = np.count_nonzero(boundaries, axis=0).astype(np.int32)
    shared = np.flatnonzero(counts == len(encodings)).astype(np.int32)
    single = (counts == 1) & (len(encodings) > 1)
    segments = np.stack([shared[:-1], shared[1:]], axis=1)
    per_segment = np.zeros((len(encodings), len(segments)), np.int32)
    for row, enc in zip(per_segment, encodings, strict=True):
        starts, ends = enc.offsets.T
        place_of = np.searchsorted(shared, starts[starts < ends], side="right") - 1
        row += np.bincount(place_of, minlength=len(segments)).astype(np.int32)
    return Alignment(
        encodings=tuple(encodings),
        text=text,
        boundaries=boundaries,
        counts=counts,
        shared=shared,
        alone=tuple(np.flatnonzero(row & single).astype(np.int32) for row in boundaries),
        agreement=_agreement(boundaries),
        segments=segments,
        tokens_per_segment=per_segment,
    )
