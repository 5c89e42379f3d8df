"""The pieces that a pre-tokenizer cuts a text into, each of which the model gets by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from lmloupe.offsets.rules import PipelineStep

__all__ = ["PreToken", "PreTokenizerStep", "SplitString"]

Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class SplitString:
    """A string in pieces, kept as one string and arrays: a text of a million pieces fits.

    Attributes:
        joined: the pieces one behind the other.
        ends: int32 (n,), where each piece ends in ``joined``, in characters.
        offsets: int32 (n, 2), half-open pairs of characters of the source text.
    """

    joined: str = field(repr=False)
    ends: Ints
    offsets: Ints

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, i: int) -> str:
        i = range(len(self.ends))[i]
        return self.joined[self.ends[i - 1] if i else 0 : self.ends[i]]

    @classmethod
    def of(cls, strings: Sequence[str], offsets: Ints) -> SplitString:
        """From the pieces and their places in the source text."""
        ends = np.fromiter(accumulate(map(len, strings)), np.int32, len(strings))
        return cls("".join(strings), ends, offsets)


@dataclass(frozen=True, slots=True, eq=False)
class PreTokenizerStep:
    """What one step of the pre-tokenizer made of the pieces before it.

    Attributes:
        step: its name, settings and meaning.
        pieces: the pieces after this step.
        cuts: int32 (m,), characters of the source text in front of which this step cut.
    """

    step: PipelineStep
    pieces: SplitString = field(repr=False)
    cuts: Ints


@dataclass(frozen=True, slots=True)
class PreToken:
    """One piece that the model gets by itself: no token crosses its borders.

    Attributes:
        text: its characters of the source text.
        start: first character in the source text.
        end: character after the last one.
        spelled: what the model gets: ``Ġworld`` for a byte-level tokenizer, ``▁Hello▁world`` for SentencePiece.
        ids: the model's token ids for it.
        added_token: it is an added token, which no model looks at.
        is_special: it is a special token, a control token of the family.
    """

    text: str
    start: int
    end: int
    spelled: str
    ids: tuple[int, ...]
    added_token: bool
    is_special: bool
