"""The question about prompts in one batch, a part of `lmloupe.Engine`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from lmloupe.encodings.encoding import TextOrIds
from lmloupe.model.padding.results import PaddedBatch, PaddingSide, Positions

__all__ = ["PaddingQuestions"]


class PaddingQuestions(Protocol):
    """Prompts in one batch; texts, ids and errors as `lmloupe.Engine` says."""

    def padded_batch(
        self,
        prompts: Sequence[TextOrIds],
        side: PaddingSide = "left",
        pad_id: int | None = None,
        *,
        mask: bool = True,
        positions: Positions = "mask",
    ) -> PaddedBatch:
        """Read several prompts in one pass, filled up to one length, and each of them alone.

        The defaults are what transformers' ``generate`` wants: the padding on the left, a mask that hides it, and
        positions that do not count it. Everything else is a mistake that people make, and this shows what it does.

        Args:
            prompts: 1 to 32 of them.
            side: where the pad tokens stand. On the right the last column, which the next token is drawn from, holds
                the padding of the shorter prompts.
            pad_id: what fills up; None for the tokenizer's pad token, or its end token where it has none.
            mask: whether the model is told not to look at the padding.
            positions: ``"mask"`` counts what is not hidden, from 0, and gives 0 to the rest, as ``generate`` does;
                ``"plain"`` counts columns, as a bare forward pass does.

        Raises:
            InvalidTextError, InvalidIdError, ContextLengthError: a prompt cannot be read; the words name which.
            InvalidSettingError: no prompt or too many, several that fill more than 8,192 places together, or a name
                that is neither of the two.
            InvalidIdError: ``pad_id`` is beyond the embedding matrix, or there is no pad and no end token to take.
            NotAvailableError: the model reads no mask, so that it cannot read a batch of different lengths.
        """
