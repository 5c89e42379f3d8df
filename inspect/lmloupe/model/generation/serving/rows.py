"""Texts that are written together: one pass gives each of them its next token."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from lmloupe.model.generation.serving.merged import MergedCache, Pairs
from lmloupe.model.generation.serving.prefixes import Beginning, shared_length
from lmloupe.model.generation.serving.request import Request
from lmloupe.model.passes.continuation import Continuation
from lmloupe.model.passes.loaded import LoadedModel

__all__ = ["Rows"]

# Padding costs memory and time: long texts whose lengths differ much are written apart.
_FREE_SLOTS = 256


class Rows:
    """One or more texts, each read but for its last token. For the worker's thread alone.

    A text by itself is read as any other (`Continuation`); several share a `MergedCache`.

    Args:
        loaded: the model.
        requests: whose texts they are.
        merged: their caches; None for one text, whose cache is its own.
    """

    def __init__(self, loaded: LoadedModel, requests: Sequence[Request], merged: MergedCache | None = None) -> None:
        self.requests = list(requests)
        self._loaded, self._merged = loaded, merged

    @property
    def lengths(self) -> list[int]:
        """Tokens of each text that have been read."""
        if self._merged is not None:
            return self._merged.lengths
        return [_text(request).ids.shape[1] for request in self.requests]

    @property
    def _pairs(self) -> Pairs:
        if self._merged is not None:
            return self._merged.pairs
        return [(layer.keys, layer.values) for layer in _text(self.requests[0]).layers]

    def step(self) -> torch.Tensor:
        """The scores after each text, (rows, vocab), once its last token has been read."""
        last = [request.writer.ids[-1] for request in self.requests]
        tokens = torch.tensor(last, device=self._loaded.device)[:, None]
        if self._merged is None:
            logits: torch.Tensor = _text(self.requests[0]).read(tokens, logits_to_keep=1).logits[:, -1]
            return logits
        try:
            logits = self._loaded.model(**self._merged.inputs(tokens), logits_to_keep=1).logits[:, -1]
        except BaseException:
            self._merged.rewind()
            raise
        self._merged.added()
        return logits

    def fits(self, other: Rows) -> bool:
        """Whether the two together have at most half as much padding as text, or are short."""
        lengths = [*self.lengths, *other.lengths]
        return max(lengths) <= _FREE_SLOTS or len(lengths) * max(lengths) <= 1.5 * sum(lengths)

    def joined(self, other: Rows) -> Rows:
        """Both as one; neither of the two is used any more."""
        merged = MergedCache([self._pairs, other._pairs], [*self.lengths, *other.lengths])
        for request in (*self.requests, *other.requests):
            request.text = None
        return Rows(self._loaded, [*self.requests, *other.requests], merged)

    def beginning(self, request: Request, n: int) -> Continuation:
        """One text's first ``n`` tokens as another text, which goes on by itself; n is at least 1.

        Raises:
            CannotContinueError: what is kept of it cannot be taken back.
        """
        if self._merged is None:
            return _text(request).branch(n)
        row = self.requests.index(request)
        ids = torch.tensor([request.writer.ids[:n]], device=self._loaded.device)
        model = self._loaded.model
        return Continuation.resumed(model, model, self._loaded.reading, ids, self._merged.text(row, n))

    def beginnings(self, ids: NDArray[np.int32]) -> list[Beginning]:
        """As `KeptTexts.beginnings`, of the texts that are being written."""
        found: list[Beginning] = []
        for request, length in zip(self.requests, self.lengths, strict=True):
            shared = shared_length(np.array(request.writer.ids[:length], np.int32), ids)
            if shared:
                found.append((shared, partial(self.beginning, request)))
        return found

    def read(self, request: Request) -> Continuation:
        """All that has been read of one text, as a text by itself."""
        if self._merged is None:
            return _text(request)
        return self.beginning(request, self.lengths[self.requests.index(request)])

    def without(self, gone: Sequence[Request]) -> None:
        """Take these out."""
        rows = [row for row, request in enumerate(self.requests) if request not in gone]
        if self._merged is not None and len(rows) == 1:
            self.requests[rows[0]].text = self.read(self.requests[rows[0]])
            self._merged = None
        elif self._merged is not None and rows:
            self._merged.select(rows)
        self.requests = [self.requests[row] for row in rows]

    def apart(self) -> list[Rows]:
        """Each text by itself."""
        if self._merged is not None:
            for request in self.requests:
                request.text = self.read(request)
        return [Rows(self._loaded, [request]) for request in self.requests]


def _text(request: Request) -> Continuation:
    assert request.text is not None  # noqa: S101 - set when its turn began
    return request.text
