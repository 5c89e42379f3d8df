"""How many tokens a text may get, and what ends it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from lmloupe.errors import ContextLengthError, InvalidSettingError
from lmloupe.model.passes.loaded import LoadedModel

__all__ = ["Ending", "ending"]


@dataclass(frozen=True, slots=True)
class Ending:
    """What ends a text.

    Attributes:
        most: most tokens to write, at least 1.
        most_is_context: whether that is where the context ends, and not what was asked for.
        stop_ids: tokens that end it.
    """

    most: int
    most_is_context: bool
    stop_ids: frozenset[int]

    def ended_by(self, token_id: int, written: int) -> Literal["", "stop", "length", "context"]:
        """What ends a text with its last token ``token_id`` and ``written`` tokens in all; empty where it goes on."""
        if token_id in self.stop_ids:
            return "stop"
        if written < self.most:
            return ""
        return "context" if self.most_is_context else "length"


def ending(loaded: LoadedModel, n_prompt: int, max_new_tokens: int, stop_ids: Collection[int] | None) -> Ending:
    """What ends a text that goes on from ``n_prompt`` tokens.

    Raises:
        InvalidSettingError: ``max_new_tokens`` is below 1.
        ContextLengthError: the prompt fills the context.
    """
    if max_new_tokens < 1:
        raise InvalidSettingError(f"max_new_tokens is {max_new_tokens}; it must be at least 1.")
    room = loaded.context_length and loaded.context_length - n_prompt
    if room is not None and room < 1:
        raise ContextLengthError(f"The prompt fills all {loaded.context_length:,} tokens of the context: shorten it.")
    return Ending(
        most=max_new_tokens if room is None else min(max_new_tokens, room),
        most_is_context=room is not None and room <= max_new_tokens,
        stop_ids=loaded.eos_ids if stop_ids is None else frozenset(stop_ids),
    )
