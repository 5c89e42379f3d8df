"""Everything between a text and its ids, as one record of arrays."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lmloupe.offsets.added_tokens import NormalizedRun, Segment
from lmloupe.offsets.rules import PipelineStep
from lmloupe.pipeline.changes import NormalizationChange, changes_of
from lmloupe.pipeline.pieces import PreToken, PreTokenizerStep, SplitString
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["Stages"]

Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Stages:
    """Everything between a text and its ids. Arrays for what is long; `piece` and `pieces` give objects.

    Attributes:
        tokenizer: whose stages these are.
        text: the source text.
        segments: added tokens and the text between them, in order.
        normalizer: steps of the normalizer; empty where there is none.
        runs: the strings that the normalizer saw, and what each was after every step.
        pre_tokenizer: steps of the pre-tokenizer, with the cuts of each; empty where there is none.
        spelled: the pieces as the model gets them, added tokens among them, with their characters of the text. Pieces
            share a character where the normalizer made several of it; characters that it removed, or that the
            pre-tokenizer dropped, are in none.
        piece_segments: int32 (p,), the segment that each piece lies in.
        input_ids: int32 (n,), what the model made of all pieces, added tokens in their places.
        offsets: int32 (n, 2), half-open pairs of characters, as the model's tokens lie in the text.
        token_pieces: int32 (n,), the piece that each token belongs to, rising.
        post_processed_ids: int32 (n + k,), after the post-processor: what ``encode`` answers.
        post_processed_offsets: int32 (n + k, 2), ``offsets``, with an empty pair for each token that the post-processor
            added.
        added_mask: bool (n + k,), True for the tokens that the post-processor added.
        parse_special_tokens: whether special tokens in the text were read as such.
    """

    tokenizer: Tokenizer = field(repr=False)
    text: str = field(repr=False)
    segments: tuple[Segment, ...] = field(repr=False)
    normalizer: tuple[PipelineStep, ...] = field(repr=False)
    runs: tuple[NormalizedRun, ...] = field(repr=False)
    pre_tokenizer: tuple[PreTokenizerStep, ...] = field(repr=False)
    spelled: SplitString = field(repr=False)
    piece_segments: Ints = field(repr=False)
    input_ids: Ints
    offsets: Ints = field(repr=False)
    token_pieces: Ints = field(repr=False)
    post_processed_ids: Ints
    post_processed_offsets: Ints = field(repr=False)
    added_mask: NDArray[np.bool_] = field(repr=False)
    parse_special_tokens: bool

    @property
    def normalized(self) -> str:
        """The text as the pre-tokenizer gets it, the content of added tokens in their places."""
        return "".join(segment.normalized for segment in self.segments)

    @property
    def n_pieces(self) -> int:
        """Pieces that the text falls into, added tokens included."""
        return len(self.spelled)

    def piece_tokens(self, i: int) -> range:
        """Places in ``input_ids`` of the tokens of piece ``i``."""
        i = range(self.n_pieces)[i]
        first, last = np.searchsorted(self.token_pieces, [i, i + 1])
        return range(int(first), int(last))

    def piece(self, i: int) -> PreToken:
        """Piece ``i`` with its ids."""
        start, end = self.spelled.offsets[i].tolist()
        tokens = self.piece_tokens(i)
        segment = self.segments[self.piece_segments[i]]
        return PreToken(
            text=self.text[start:end],
            start=start,
            end=end,
            spelled=self.spelled[i],
            ids=tuple(self.input_ids[tokens.start : tokens.stop].tolist()),
            added_token=segment.token_id is not None,
            is_special=segment.is_special,
        )

    @property
    def pieces(self) -> tuple[PreToken, ...]:
        """All pieces as objects; for a long text prefer the arrays and `piece`."""
        return tuple(self.piece(i) for i in range(self.n_pieces))

    @property
    def added_in_front(self) -> tuple[int, ...]:
        """Ids that the post-processor put in front."""
        mask = self.added_mask
        front = len(mask) if mask.all() else int(np.argmin(mask))
        return tuple(self.post_processed_ids[:front].tolist())

    @property
    def added_behind(self) -> tuple[int, ...]:
        """Ids that the post-processor put behind; empty where it added nothing but in front."""
        mask = self.added_mask
        behind = 0 if mask.all() else int(np.argmin(mask[::-1]))
        return tuple(self.post_processed_ids[len(mask) - behind :].tolist())

    def changes(self, limit: int | None = None) -> tuple[NormalizationChange, ...]:
        """What the normalizer changed and which of its steps did, in the order of the steps, then of the text.

        Worked out at each call, about two microseconds a character that a changing step sees.

        Args:
            limit: no more than this many, the first ones.
        """
        return changes_of(self.tokenizer, self.text, self.runs, limit)
