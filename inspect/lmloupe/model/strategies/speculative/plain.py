"""The text of a speculation decoded one token at a time, for its time alone; in the worker's thread."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from lmloupe.model.generation.results import Step
from lmloupe.model.generation.writer import Writer
from lmloupe.model.passes.continuation import Continuation
from lmloupe.model.passes.loaded import LoadedModel
from lmloupe.model.passes.residual import pieces_of
from lmloupe.model.passes.worker import Stopwatch

__all__ = ["Plain", "read_but_last"]


class Plain:
    """Reads the tokens that a speculation writes, each in a pass of its own, from a cache of its own.

    What it draws itself is let go: the same but for rounding where a draft proposes one token and no other, and
    otherwise another draw of the same distribution.

    Args:
        loaded: the model.
        ids: int32 (n,), the prompt.
        writer: one of its own, with a sampler of its own.
    """

    def __init__(self, loaded: LoadedModel, ids: NDArray[np.int32], writer: Writer) -> None:
        self._loaded, self._ids, self._writer = loaded, ids, writer
        self._text = Continuation(loaded.model, loaded.model, loaded.reading)

    def begin(self) -> Iterator[None]:
        """Read the prompt but for its last token, pausing after each piece."""
        return read_but_last(self._loaded, self._text, self._ids)

    def follow(self, tokens: tuple[Step, ...], clock: Stopwatch) -> Iterator[None]:
        """Decode as many tokens as these, pausing after each."""
        for step in tokens:
            clock.timed(self._one)
            self._writer.ids[-1] = step.token_id
            yield

    def _one(self) -> None:
        last = torch.tensor([self._writer.ids[-1:]], device=self._loaded.device)
        self._writer.take(self._text.read(last, logits_to_keep=1).logits[0, -1:])


def read_but_last(loaded: LoadedModel, text: Continuation, ids: NDArray[np.int32]) -> Iterator[None]:
    """Read a prompt but for its last token, pausing after each piece."""
    for piece in pieces_of(ids[:-1], loaded.device, loaded.reading) if len(ids) > 1 else ():
        text.read(piece, logits_to_keep=1)
        yield
