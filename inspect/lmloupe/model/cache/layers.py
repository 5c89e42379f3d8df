"""What the layers of transformers' cache hold: the kind of each, its tensors, their bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lmloupe.errors import NotAvailableError
from lmloupe.model.cache.results import CacheKind, CacheLayer, CacheTensor
from lmloupe.model.passes.config_sizes import head_counts, layer_configs, setting
from lmloupe.model.passes.continuation import Continuation

__all__ = ["cache_layers", "formula_per_token", "kept_keys", "layers_of", "measured"]

_KEEPS_KEYS = ("full", "window", "latent", "hybrid")


def layers_of(model: Any, text: Continuation) -> Sequence[Any]:
    """The layers of the cache that the model has handed on, one for each of its own.

    Raises:
        NotAvailableError: it keeps what it read in some other form.
    """
    layers = getattr(text.cache, "layers", None)
    if not layers:
        raise NotAvailableError(
            f"{type(model).__name__} keeps no cache of layers in transformers' form, so its bytes cannot be shown: "
            "next token and generation are there. Choose another model."
        )
    found: Sequence[Any] = layers
    return found


def _named_tensors(layer: Any) -> Iterator[tuple[str, torch.Tensor]]:
    """What grows or is carried from token to token; counters and settings, which have no dimensions, are not."""
    for name, value in vars(layer).items():
        items = {name: value}
        if isinstance(value, dict):
            items = {f"{name}[{key}]": item for key, item in value.items()}
        elif isinstance(value, list | tuple):
            items = {f"{name}[{i}]": item for i, item in enumerate(value)}
        for full_name, item in items.items():
            if isinstance(item, torch.Tensor) and item.ndim > 1:
                yield full_name, item


def measured(layers: Sequence[Any]) -> tuple[list[int], list[int]]:
    """Bytes of each layer's tensors, and of the memory that they lie in; two tensors may lie in the same."""
    own, allocated = [], []
    for layer in layers:
        tensors = [tensor for _, tensor in _named_tensors(layer)]
        own.append(sum(tensor.nbytes for tensor in tensors))
        storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors}
        allocated.append(sum(storages.values()))
    return own, allocated


def cache_layers(model: Any, layers: Sequence[Any]) -> tuple[CacheLayer, ...]:
    """The record of each layer."""
    config = model.config.get_text_config()
    modes = getattr(config, "kv_sharing_modes", None) or ()
    configs = layer_configs(config)
    found = []
    for i, layer in enumerate(layers):
        tensors = tuple(
            CacheTensor(name, tuple(one.shape), str(one.dtype).removeprefix("torch."), one.nbytes,
                        one.untyped_storage().nbytes())
            for name, one in _named_tensors(layer)
        )  # fmt: skip
        keys = getattr(layer, "keys", None)
        has_keys = isinstance(keys, torch.Tensor) and keys.ndim == 4
        window = getattr(layer, "sliding_window", None) if getattr(layer, "is_sliding", False) else None
        reuses = i < len(modes) and modes[i] == "reuse"
        own = configs[i] if i < len(configs) else config
        kind = _kind(own, tensors, reuses=reuses, has_keys=has_keys, window=window)
        n_tokens = keys.shape[2] if isinstance(keys, torch.Tensor) and has_keys else 0
        found.append(CacheLayer(i, kind, n_tokens, None if window is None else int(window) - 1, tensors))
    return tuple(found)


def _kind(
    config: Any, tensors: tuple[CacheTensor, ...], *, reuses: bool, has_keys: bool, window: int | None
) -> CacheKind:
    if reuses:
        return "shared"
    if not tensors:
        return "nothing"
    if not has_keys:
        return "state"
    if any("states" in tensor.name for tensor in tensors):
        return "hybrid"
    if setting(config, "kv_lora_rank"):
        return "latent"
    return "full" if window is None else "window"


def formula_per_token(model: Any, layers: Sequence[CacheLayer]) -> int:
    """2 · kv heads · head dim · bytes of a number, over the layers that keep keys and values; by the config."""
    config = model.config.get_text_config()
    configs = layer_configs(config)
    total = 0
    for layer in layers:
        if layer.kind in _KEEPS_KEYS:
            _, n_kv_heads, head_dim = head_counts(configs[layer.layer] if layer.layer < len(configs) else config)
            total += 2 * n_kv_heads * head_dim * model.dtype.itemsize
    return total


def kept_keys(model: Any, layer: Any, i: int) -> tuple[NDArray[np.float32], NDArray[np.float32], str]:
    """Keys and values of a layer as float32 (kv heads, tokens, width), and the dtype in which it keeps them.

    Raises:
        NotAvailableError: it keeps neither.
    """
    keys, values = getattr(layer, "keys", None), getattr(layer, "values", None)
    if not (isinstance(keys, torch.Tensor) and isinstance(values, torch.Tensor) and keys.ndim == 4):
        raise NotAvailableError(
            f"Layer {i + 1} of {type(model).__name__} keeps no keys and values of its own: choose another layer."
        )
    return (
        keys[0].float().cpu().numpy(),
        values[0].float().cpu().numpy(),
        str(keys.dtype).removeprefix("torch."),
    )
