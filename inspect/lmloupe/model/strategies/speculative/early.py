"""A draft by an early layer: the model's first blocks, then its own final norm and output matrix, token after token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lmloupe.errors import NotAvailableError
from lmloupe.model.passes.blocks import layer_input, rows_of
from lmloupe.model.passes.continuation import Continuation
from lmloupe.model.passes.loaded import LoadedModel
from lmloupe.model.passes.logit_facts import require_finite
from lmloupe.model.passes.parts import ModelParts
from lmloupe.model.passes.reading import probe_ids
from lmloupe.model.passes.residual import pieces_of, stream_of
from lmloupe.model.sampling.pipeline import draw
from lmloupe.model.sampling.sampler import Sampler
from lmloupe.model.strategies.speculative.judge import Proposal

__all__ = ["EarlyLayer"]

_N_PROBED = 4


class _EnoughError(Exception):
    """The pass has reached the block that is not wanted any more; caught where the pass was begun."""


class _FirstBlocks:
    """What is called as the model is, and stops before one of its blocks: what that would have read is kept."""

    def __init__(self, model: Any, parts: ModelParts, layer: int) -> None:
        self._model, self._block = model, parts.layers[layer]
        self.stream = torch.empty(0)

    def __call__(self, **inputs: Any) -> None:
        """Read as the model does; `stream`, (n, width), is then what the block would have read of it."""
        # A hook of this session around its own pass alone: between two steps the model serves others.
        handle = self._block.register_forward_pre_hook(self._stop, with_kwargs=True)
        try:
            self._model(**inputs)
        except _EnoughError:
            return
        finally:
            handle.remove()
        raise NotAvailableError(
            f"{type(self._model).__name__} does not always go through all of its blocks, so its first ones cannot "
            "draft: draft by prompt lookup."
        )

    def _stop(self, _: torch.nn.Module, args: Any, kwargs: Any) -> None:
        self.stream = rows_of(layer_input(args, kwargs))
        raise _EnoughError


class EarlyLayer:
    """Drafts with the model's first ``layer`` blocks, from a cache of its own: row ``layer`` of the logit lens.

    Args:
        loaded: the model.
        parts: where its blocks, its final norm and its output matrix are.
        layer: how many blocks, from 1 to one less than there are.
        seed: of its draws.
    """

    def __init__(self, loaded: LoadedModel, parts: ModelParts, layer: int, seed: int) -> None:
        self._loaded, self._parts, self._layer = loaded, parts, layer
        self._first = _FirstBlocks(loaded.model, parts, layer)
        self._text = Continuation(loaded.model, self._first, loaded.reading)
        self._rng = np.random.default_rng((seed, 2))
        self._n_read = 0

    def check(self) -> None:
        """Try on a few tokens that the first blocks alone write what they write in a pass of the whole model.

        Raises:
            NotAvailableError: they do not.
        """
        ids = probe_ids(self._loaded.model, _N_PROBED)
        with stream_of(self._parts, slice(None)) as found:
            self._loaded.model(input_ids=ids, use_cache=False)
        self._first(input_ids=ids, use_cache=False)
        ours = self._first.stream
        whole = found[self._layer] if len(found) == len(self._parts.layers) + 1 else ours[:0]
        if whole.shape != ours.shape or not torch.allclose(whole, ours, rtol=1e-2, atol=1e-4, equal_nan=True):
            raise NotAvailableError(
                f"{type(self._loaded.model).__name__} does not go through its blocks one after another, so its first "
                f"{self._layer} cannot draft: draft by prompt lookup."
            )

    def begin(self, ids: NDArray[np.int32]) -> Iterator[None]:
        """Read the prompt but for its last token, pausing after each piece."""
        for piece in pieces_of(ids[:-1], self._loaded.device, self._loaded.reading) if len(ids) > 1 else ():
            self._read(piece)
            yield

    def propose(self, ids: Sequence[int], sampler: Sampler) -> Proposal:
        """The next token after the text, which the last call's text begins or which `keep` has gone back to.

        Args:
            ids: the text.
            sampler: its settings, and what it remembers of the text, decide what is drawn from; it takes note.
        """
        self._read(torch.tensor([ids[self._n_read :]], device=self._loaded.device))
        logits = self._parts.logits(self._parts.norm(self._first.stream[-1:]))
        require_finite(logits.max(1).values)
        if sampler.takes_the_best:
            return Proposal(int(logits[0].argmax()))
        probs = sampler.probs(logits[0].cpu().numpy(), ids)
        token_id = draw(probs, self._rng)
        sampler.remember(token_id, probs)
        return Proposal(token_id, None if sampler.sampling.temperature == 0 else probs)

    def keep(self, n: int) -> None:
        """Forget all tokens but the first ``n``."""
        self._text.keep(n)
        self._n_read = min(self._n_read, n)

    def _read(self, piece: torch.Tensor) -> None:
        self._text.read(piece)
        self._n_read += piece.shape[1]
