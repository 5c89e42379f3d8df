"""The same text decoded with the cache and without it, and a text read from another one's cache; both timed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lmloupe.errors import NotAvailableError
from lmloupe.model.cache.layers import layers_of, measured
from lmloupe.model.cache.reading import begun
from lmloupe.model.cache.results import CacheReuse, RaceStep
from lmloupe.model.passes.continuation import CannotContinueError, Continuation
from lmloupe.model.passes.loaded import LoadedModel
from lmloupe.model.passes.logit_facts import require_finite
from lmloupe.model.passes.residual import pieces_of
from lmloupe.model.passes.worker import Results, Stopwatch

__all__ = ["LocalCacheRace", "race_steps", "reuse_steps"]


class LocalCacheRace(Results[RaceStep]):
    """A race running in this process's worker; see `lmloupe.model.cache.results.CacheRace`."""


class _Reader(Stopwatch):
    """Reads pieces and counts the seconds of that alone."""

    def __init__(self, loaded: LoadedModel) -> None:
        super().__init__(loaded.device)
        self._loaded = loaded

    def read(self, text: Continuation | None, pieces: tuple[torch.Tensor, ...]) -> Iterator[None]:
        """Read the pieces, pausing after each; then `logits` has the last row. None for ``text``: without a cache."""
        loaded, output = self._loaded, None
        if text is None and len(pieces) > 1:
            # A long text without a cache would hold up everybody; its pieces share one that is thrown away after.
            text = begun(loaded)
        for piece in pieces:
            if output is not None:
                yield None
            output = self.timed(lambda piece=piece: self._one(text, piece))  # type: ignore[misc]
        logits: torch.Tensor = output.logits[0, -1].float()  # type: ignore[union-attr]
        require_finite(logits.max()[None])
        self.logits = logits

    def _one(self, text: Continuation | None, piece: torch.Tensor) -> Any:
        if text is None:
            return self._loaded.model(input_ids=piece, use_cache=False, logits_to_keep=1)
        return text.read(piece, logits_to_keep=1)


def race_steps(loaded: LoadedModel, ids: NDArray[np.int32], max_new_tokens: int) -> Iterator[RaceStep | None]:
    """The steps of `Engine.with_and_without_cache`; None after a pass that is half of a step or a piece of one."""
    kept = begun(loaded)
    own, other = ids.tolist(), ids.tolist()
    unread = ids
    for produced in range(max_new_tokens):
        with_cache, without = _Reader(loaded), _Reader(loaded)
        everything = np.array(other, np.int32)
        turns = [
            with_cache.read(kept, pieces_of(unread, loaded.device, loaded.reading)),
            without.read(None, pieces_of(everything, loaded.device, loaded.reading)),
        ]
        # In turn: what slows the machine down for a while slows both.
        for turn in turns if produced % 2 == 0 else turns[::-1]:
            yield from turn
            yield None
        same = own == other
        apart = (with_cache.logits - without.logits).abs()
        difference = float(apart[apart.isfinite()].max()) if same else float("nan")
        step = RaceStep(
            token_id=int(with_cache.logits.argmax()),
            other_id=int(without.logits.argmax()),
            seconds=with_cache.seconds,
            other_seconds=without.seconds,
            n_read=len(unread),
            n_other_read=len(other),
            difference=difference,
            cache_bytes=sum(measured(layers_of(loaded.model, kept))[0]),
        )
        own.append(step.token_id)
        other.append(step.other_id)
        unread = np.array([step.token_id], np.int32)
        yield step
        if {step.token_id, step.other_id} & loaded.eos_ids:
            return


def reuse_steps(
    loaded: LoadedModel, cached: NDArray[np.int32], following: NDArray[np.int32], n_shared: int
) -> Iterator[CacheReuse | None]:
    """The one result of `Engine.reuse_cache`, after a pause for each piece of the texts."""
    text = begun(loaded)
    first, reused, scratch = _Reader(loaded), _Reader(loaded), _Reader(loaded)
    yield from first.read(text, pieces_of(cached, loaded.device, loaded.reading))
    n_kept = min(n_shared, len(following) - 1)
    try:
        reused.timed(lambda: text.keep(n_kept))
    except CannotContinueError as error:
        raise NotAvailableError(
            f"{type(loaded.model).__name__} cannot go back to token {n_kept:,} of the {len(cached):,} that it has "
            f"read: {error}. The whole text must be read again."
        ) from error
    kept_bytes = sum(measured(layers_of(loaded.model, text))[0]) if n_kept else 0
    yield from reused.read(text, pieces_of(following[n_kept:], loaded.device, loaded.reading))
    yield None
    fresh = begun(loaded)
    yield from scratch.read(fresh, pieces_of(following, loaded.device, loaded.reading))
    yield CacheReuse(
        n_cached=len(cached),
        n_following=len(following),
        n_shared=n_shared,
        n_kept=n_kept,
        logits=reused.logits.cpu().numpy(),
        scratch_logits=scratch.logits.cpu().numpy(),
        seconds=reused.seconds,
        scratch_seconds=scratch.seconds,
        kept_bytes=kept_bytes,
    )
