"""Answers about the cache, in this process; the questions are in `lmloupe.model.engine`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmloupe.errors import ContextLengthError, InvalidSettingError
from lmloupe.model.cache.race import LocalCacheRace, race_steps, reuse_steps
from lmloupe.model.cache.reading import LocalCacheGrowth, growth, keys_values
from lmloupe.model.cache.results import CacheReuse, KeysValues, KVCache
from lmloupe.model.passes.loaded import LoadedModel, require_inside

__all__ = ["keys_and_values", "kv_cache", "kv_cache_growth", "reuse_cache", "with_and_without_cache"]


def kv_cache_growth(
    loaded: LoadedModel, ids: NDArray[np.int32], step: int | None, *, background: bool
) -> LocalCacheGrowth:
    """The answer to `Engine.kv_cache_growth`."""
    if step is not None and step < 1:
        raise InvalidSettingError(f"step is {step}; it must be at least 1.")
    return LocalCacheGrowth(ids, loaded.worker.submit(growth(loaded, ids, step), background=background))


def kv_cache(loaded: LoadedModel, ids: NDArray[np.int32], step: int | None) -> KVCache:
    """The answer to `Engine.kv_cache`: the last result of the growth."""
    return list(kv_cache_growth(loaded, ids, step, background=False))[-1]


def keys_and_values(loaded: LoadedModel, ids: NDArray[np.int32], layer: int) -> KeysValues:
    """The answer to `Engine.keys_and_values`."""
    require_inside("Layer", [layer], loaded.n_layers)
    return loaded.worker.last(keys_values(loaded, ids, layer))


def with_and_without_cache(
    loaded: LoadedModel, ids: NDArray[np.int32], max_new_tokens: int, *, background: bool
) -> LocalCacheRace:
    """The answer to `Engine.with_and_without_cache`."""
    if max_new_tokens < 1:
        raise InvalidSettingError(f"max_new_tokens is {max_new_tokens}; it must be at least 1.")
    if loaded.context_length is not None:
        room = loaded.context_length - len(ids)
        if room < 1:
            raise ContextLengthError(f"The text fills all {loaded.context_length:,} tokens of the context: shorten it.")
        max_new_tokens = min(max_new_tokens, room)
    work = race_steps(loaded, ids, max_new_tokens)
    return LocalCacheRace(ids, loaded.worker.submit(work, background=background))


def reuse_cache(loaded: LoadedModel, cached: NDArray[np.int32], following: NDArray[np.int32]) -> CacheReuse:
    """The answer to `Engine.reuse_cache`."""
    n = min(len(cached), len(following))
    differs = np.flatnonzero(cached[:n] != following[:n])
    n_shared = int(differs[0]) if len(differs) else n
    return loaded.worker.last(reuse_steps(loaded, cached, following, n_shared))
