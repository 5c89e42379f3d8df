"""Read a text step by step and measure the cache on the way; in the worker's thread."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from lmloupe.errors import NotAvailableError
from lmloupe.model.cache.layers import (
    cache_layers,
    formula_per_token,
    kept_keys,
    layers_of,
    measured,
)
from lmloupe.model.cache.results import KeysValues, KVCache
from lmloupe.model.cache.rotation import is_rotated, key_rotation
from lmloupe.model.passes.config_sizes import head_counts
from lmloupe.model.passes.continuation import Continuation
from lmloupe.model.passes.loaded import LoadedModel
from lmloupe.model.passes.residual import pieces_of
from lmloupe.model.passes.worker import Results

__all__ = ["LocalCacheGrowth", "begun", "growth", "keys_values"]

MOST_STEPS = 128


def begun(loaded: LoadedModel) -> Continuation:
    """A text to be read with the model's own cache.

    Raises:
        NotAvailableError: the model has none that can be continued.
    """
    if loaded.reading.way is None:
        raise NotAvailableError(
            f"{type(loaded.model).__name__} has no cache that LM Loupe can continue: it reads the whole text again for "
            "every token. Choose another model."
        )
    return Continuation(loaded.model, loaded.model, loaded.reading)


def _steps(loaded: LoadedModel, n: int, step: int | None) -> list[int]:
    """Sizes of the pieces. A model that reads single tokens only has its beginning read whole where it is long."""
    if loaded.reading.in_pieces:
        size = step or -(-n // MOST_STEPS)
        return [min(size, n - at) for at in range(0, n, size)]
    singles = min(n - 1, MOST_STEPS)
    return [n - singles, *[1] * singles]


def growth(loaded: LoadedModel, ids: NDArray[np.int32], step: int | None) -> Iterator[KVCache]:
    """The steps of `Engine.kv_cache_growth`: the cache after each piece of the text."""
    text, model = begun(loaded), loaded.model
    rows = torch.from_numpy(ids.astype(np.int64)).to(loaded.device).unsqueeze(0)
    n_heads, n_kv_heads, head_dim = head_counts(model.config.get_text_config())
    rotated = is_rotated(model)
    n_read: list[int] = []
    own: list[list[int]] = []
    allocated: list[list[int]] = []
    for piece in torch.split(rows, _steps(loaded, len(ids), step), 1):
        text.read(piece, logits_to_keep=1)
        held = layers_of(model, text)
        mine, theirs = measured(held)
        n_read.append((n_read[-1] if n_read else 0) + piece.shape[1])
        own.append(mine)
        allocated.append(theirs)
        layers = cache_layers(model, held)
        per_token = formula_per_token(model, layers)
        keeps = per_token > 0
        yield KVCache(
            input_ids=ids,
            layers=layers,
            n_read=np.array(n_read, np.int32),
            bytes=np.array(own, np.int64),
            allocated_bytes=np.array(allocated, np.int64),
            n_heads=n_heads * keeps,
            n_kv_heads=n_kv_heads * keeps,
            head_dim=head_dim * keeps,
            bytes_per_number=model.dtype.itemsize,
            formula_per_token=per_token,
            is_rotated=rotated,
        )


class LocalCacheGrowth(Results[KVCache]):
    """A text as it is read in this process's worker; see `lmloupe.model.cache.results.CacheGrowth`."""


def keys_values(loaded: LoadedModel, ids: NDArray[np.int32], layer: int) -> Iterator[KeysValues | None]:
    """The one result of `Engine.keys_and_values`, after a pause for each piece of the text."""
    text, model = begun(loaded), loaded.model
    for piece in pieces_of(ids, loaded.device, loaded.reading):
        text.read(piece, logits_to_keep=1)
        yield None
    layers = layers_of(model, text)
    keys, values, dtype = kept_keys(model, layers[layer], layer)
    n_kept = keys.shape[1]
    kind = cache_layers(model, layers)[layer].kind
    pair_of, radians = key_rotation(model, layer, 0 if kind == "latent" else keys.shape[2])
    yield KeysValues(
        input_ids=ids,
        layer=layer,
        kind=kind,
        positions=np.arange(len(ids) - n_kept, len(ids), dtype=np.int32),
        keys=keys,
        values=values,
        dtype=dtype,
        is_rotated=is_rotated(model, layer),
        pair_of=pair_of,
        radians=radians,
    )
