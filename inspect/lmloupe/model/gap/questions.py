"""The question about a gap in a sentence, a part of `lmloupe.Engine`; and what a masked model answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from lmloupe.model.gap.results import Gap, MaskedDescription, MaskedGap
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["GapQuestions", "MaskedModel"]


class GapQuestions(Protocol):
    """A gap in a sentence, and what a model that reads from left to right knows of it."""

    def gap(
        self,
        left: str,
        right: str,
        candidates: Sequence[str] = (),
        *,
        other_rights: Sequence[str] = (),
        top_k: int = 8,
    ) -> Gap:
        """Read the text before a gap, and score what may fill it by the left side alone and by the whole sentence.

        The scores at the gap are computed several times: after the left side alone, and in a pass over left and right
        for each right side. A causal model's attention mask hides all that comes later, so they are the same.

        A candidate's text is put between the sides exactly as it is, and the whole is tokenized at once: tokens that
        the tokenizer joins across an edge of the gap are scored as it joins them. The score of a text is the sum of the
        log-probabilities of its tokens, each after those before it, so longer candidates have no handicap but their
        own improbability.

        Args:
            left: the text before the gap, with the space before the gap where there is one.
            right: the text after it.
            candidates: texts for the gap, at most 32.
            other_rights: other texts after the gap, at most 8, to see that the scores at the gap do not change.
            top_k: how many of the model's own most probable tokens are scored as candidates too, 0 to 32.

        Raises:
            InvalidTextError: nothing before the gap that the model could read, nothing after it, an empty candidate, or
                a candidate that changes the first token, which has no score.
            ContextLengthError: a sentence with more tokens than the model reads.
            InvalidSettingError: too many candidates or right sides, or a ``top_k`` out of its range.
            NotFiniteError: scores that are no numbers.
        """


class MaskedModel(Protocol):
    """A masked language model: it sees both sides of a gap, and was trained to fill it. Safe to share between threads.

    Made by `lmloupe.load_masked_model`.
    """

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer that goes with it."""

    def describe(self) -> MaskedDescription:
        """What is loaded."""

    def gap(self, left: str, right: str, candidates: Sequence[str] = ()) -> MaskedGap:
        """The scores at one mask between two texts, and those of candidates.

        The scores at the mask are those of transformers' fill-mask pipeline. A candidate of one token has its score
        there. One of several tokens takes as many masks: the first is scored with all of them masked, then it is put in
        place and the next is scored, from left to right (the chain rule, in one fixed order). The number of masks tells
        the model how long the answer is, so candidates of different length can be compared with care only.

        Args:
            left: the text before the gap, with the space before the gap where there is one.
            right: the text after it.
            candidates: texts for the gap, at most 64.

        Raises:
            InvalidTextError: an empty candidate, one without a token, or a side that spells the mask token.
            ContextLengthError: a sentence with more tokens than the model reads.
            InvalidSettingError: too many candidates.
            NotFiniteError: scores that are no numbers.
        """
