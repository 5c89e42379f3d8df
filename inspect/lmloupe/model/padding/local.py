"""Prompts in one batch of a model in this process."""

from __future__ import annotations

from collections.abc import Sequence

from lmloupe.encodings.encoding import TextOrIds
from lmloupe.errors import InputError
from lmloupe.model.padding import answers
from lmloupe.model.padding.questions import PaddingQuestions
from lmloupe.model.padding.results import PaddedBatch, PaddingSide, Positions
from lmloupe.model.passes.loaded import OfLoaded

__all__ = ["PaddingAnswers"]


class PaddingAnswers(OfLoaded, PaddingQuestions):
    """What a batch does to prompts; what the method does is said in the questions."""

    def padded_batch(
        self,
        prompts: Sequence[TextOrIds],
        side: PaddingSide = "left",
        pad_id: int | None = None,
        *,
        mask: bool = True,
        positions: Positions = "mask",
    ) -> PaddedBatch:
        rows = []
        for i, prompt in enumerate(prompts, 1):
            try:
                rows.append(self.input_ids(prompt))
            except InputError as error:
                raise type(error)(f"Prompt {i} of {len(prompts)}: {error}") from error
        return answers.padded_batch(self.loaded, rows, side, pad_id, mask=mask, positions=positions)
