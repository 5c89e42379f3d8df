"""Sizes that a model's config names, under whatever name, and where each layer has its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["context_length", "head_counts", "largest_setting", "layer_configs", "layer_count", "setting"]

_LAYERS = ("decoder_layers", "num_decoder_layers", "num_hidden_layers")
_HEADS = ("decoder_attention_heads", "num_decoder_attention_heads", "num_attention_heads")
_KV_HEADS = ("num_key_value_heads", "num_kv_heads", "n_head_kv")
_CONTEXT = (
    "max_target_positions",
    "max_position_embeddings",
    "n_positions",
    "n_ctx",
    "max_sequence_length",
    "max_seq_len",
    "context_length",
)


def layer_count(config: Any) -> int:
    """How many layers the text model has; of an encoder-decoder, its decoder."""
    return int(setting(config, *_LAYERS) or 0)


def layer_configs(config: Any) -> Sequence[Any]:
    """One config for each layer: the same one for all, unless the config says that they differ (Gemma 4)."""
    if getattr(config, "is_heterogeneous", False):
        configs: Sequence[Any] = config.per_layer_config
        return configs
    return [config] * layer_count(config)


def setting(config: Any, *names: str) -> Any:
    """The first of these settings that is there and not None; where each layer has its own, the first layer's."""
    of_layers = getattr(config, "per_layer_attributes", None) or ()
    for name in names:
        # transformers refuses to read a setting that differs between layers from the whole config.
        value = getattr(config.per_layer_config[0] if name in of_layers else config, name, None)
        if isinstance(value, list | tuple) and value and all(isinstance(item, int | float) for item in value):
            value = value[0]
        if value is not None:
            return value
    return None


def largest_setting(config: Any, *names: str) -> int:
    """The largest_setting value that any layer has for the first of these settings that is there; 0 without."""
    found = 0
    for layer in layer_configs(config) if getattr(config, "is_heterogeneous", False) else (config,):
        value = next((value for name in names if (value := getattr(layer, name, None)) is not None), 0)
        found = max(found, *value) if isinstance(value, list | tuple) else max(found, value)
    return found


def context_length(config: Any) -> int | None:
    """Most tokens the model was built to read at once, by its config; None where it names no limit."""
    for name in _CONTEXT:
        value = setting(config, name)
        if isinstance(value, int) and value > 0:
            return value
    return None


def head_counts(config: Any) -> tuple[int, int, int]:
    """Heads of the queries, heads of keys and values, and width of a head, by the config; 0 without attention.

    Where they differ between layers, those of the first layer.
    """
    n_heads = int(setting(config, *_HEADS) or 0)
    names: tuple[str, ...] = _KV_HEADS
    if hasattr(config, "new_decoder_architecture"):  # Falcon's older form names a number of heads that it does not use
        names = ("num_kv_heads",) if config.new_decoder_architecture else ()
    elif setting(config, *_HEADS[:2]) is not None:
        names = ()  # of an encoder-decoder's other half
    n_kv_heads = int(setting(config, *names) or n_heads)
    if getattr(config, "multi_query", False) and not getattr(config, "new_decoder_architecture", False):
        n_kv_heads = 1
    head_dim = setting(config, "head_dim") or (config.hidden_size // n_heads if n_heads else 0)
    return n_heads, n_kv_heads, int(head_dim)
