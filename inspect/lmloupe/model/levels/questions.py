"""The question about the two levels of transformers' API, a part of `lmloupe.Engine`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from lmloupe.model.levels.results import TwoLevels

__all__ = ["LevelQuestions", "Prompt"]

Prompt: TypeAlias = str | Sequence[Mapping[str, Any]]
"""A text, or the messages of a conversation."""


class LevelQuestions(Protocol):
    """One prompt through transformers' own functions."""

    def two_levels(
        self,
        prompt: Prompt,
        max_new_tokens: int = 24,
        temperature: float = 0.0,
        *,
        top_k: int = 50,
        top_p: float = 1.0,
        seed: int = 0,
    ) -> TwoLevels:
        """Run transformers' text-generation pipeline, and the same by tokenizer and model, with all values between.

        Both are the installed transformers' own code on this model, ``generate`` included, and both are given the same
        settings; where tokens are drawn, torch's generators are set to the same seed before each. Of an embedded
        tokenizer the tokenizer is transformers' own class; one of the hub or of a folder answers from its own process.

        Args:
            prompt: a text, or messages, which are written in the tokenizer's chat format with the header of a reply. A
                conversation whose last message is the assistant's is gone on with, as the pipeline does.
            max_new_tokens: 1 to 64: ``generate`` runs in one go, and others wait for it.
            temperature: 0 for the most probable token at each step (``do_sample=False``), else above 0 and at most 10.
            top_k: draw among so many tokens, 0 for all; transformers' own default is 50. Where tokens are drawn alone.
            top_p: draw among the most probable ones that have this share, above 0 and at most 1. Where tokens are
                drawn alone.
            seed: of torch's generators, at least 0.

        Raises:
            InvalidTextError, InvalidMessagesError, TemplateError: a prompt that cannot be encoded or written.
            ContextLengthError: more than 1,024 tokens, or no room in the model's context.
            InvalidSettingError: a setting out of its range.
            NotAvailableError: transformers' pipeline or ``generate`` fails on this model.
        """
