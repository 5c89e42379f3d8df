"""Take a model apart that has shapes and no numbers: its parameters in groups, and what each of its layers caches."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
import transformers
from torch import nn
from transformers.pytorch_utils import Conv1D
from transformers.quantizers.base import get_keys_to_not_convert
from transformers.quantizers.quantizers_utils import should_convert_module

from lmloupe.model.passes.config_sizes import (
    context_length,
    head_counts,
    largest_setting,
    layer_configs,
    layer_count,
    setting,
)
from lmloupe.model.quiet import one_at_a_time
from lmloupe.planner.makeup import CacheGroup, CacheKind, Makeup, ParameterGroup, Role

__all__ = [
    "caches_of",
    "groups_of",
    "inner_width",
    "makeup_of",
    "measured_cache_bytes",
    "meta_model",
    "quantized_paths",
]

_INNER = ("decoder_ffn_dim", "intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size")
_SHORT, _LONG = (8, 12), (4096, 8192)
"""Tokens of the two passes that show how a cache grows; long ones where short ones show no rule."""
_ROLES: tuple[tuple[Role, str], ...] = (
    ("vision", r"vision|visual|image|audio|speech|multi_modal|mm_"),
    ("norm", r"norm|ln_|\bln\b"),
    ("experts", r"expert"),
    ("attention", r"attn|attention|mixer|mamba"),
    ("mlp", r"mlp|feed_forward|ffn|fc\d|dense"),
)


def meta_model(config: transformers.PreTrainedConfig, dtype: torch.dtype) -> nn.Module:
    """The model that a config describes, with shapes and no numbers; takes no memory."""
    auto: Any = transformers.AutoModelForCausalLM
    if hasattr(config, "_experts_implementation"):
        config._experts_implementation = "batched_mm"  # the default chooses experts by numbers, and there are none here
    with one_at_a_time, torch.device("meta"):
        model: nn.Module = auto.from_config(config, dtype=dtype)
    return model.eval()


def makeup_of(config: transformers.PreTrainedConfig) -> Makeup:
    """Build the model on torch's meta device and count it. Some milliseconds a layer, no memory."""
    text = config.get_text_config()
    named = getattr(config, "dtype", None) or getattr(text, "dtype", None)  # building the model changes it
    model: Any = meta_model(config, torch.bfloat16)
    n_heads, n_kv_heads, head_dim = head_counts(text)
    output, inputs = model.get_output_embeddings(), model.get_input_embeddings()
    return Makeup(
        architecture=type(model).__name__,
        n_layers=layer_count(text),
        width=int(text.hidden_size),
        inner=inner_width(text),
        vocab_rows=int(inputs.weight.shape[0]),
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        head_dim=head_dim,
        context_length=context_length(text) or 0,
        dtype=str(named).removeprefix("torch.") if isinstance(named, torch.dtype) else "bfloat16",
        tied=output is None or output.weight is inputs.weight,
        buffer_bytes=sum(buffer.nbytes for buffer in model.buffers()),
        groups=groups_of(model),
        caches=caches_of(model),
    )


def inner_width(config: Any) -> int:
    """Width inside the MLP by the config; of the widest layer where they differ."""
    return largest_setting(config, *_INNER) or 4 * int(config.hidden_size)


def quantized_paths(model: Any) -> set[str]:
    """Paths of the modules that transformers hands to bitsandbytes: linear ones, but for the output matrix."""
    kept = [*get_keys_to_not_convert(model), *(model._keep_in_fp32_modules or ())]
    return {
        path
        for path, module in model.named_modules()
        if (type(module) is nn.Linear or isinstance(module, Conv1D)) and should_convert_module(path, kept)
    }


def groups_of(model: Any) -> tuple[ParameterGroup, ...]:
    """The parameters of a model, with or without numbers, tied ones once, in its own order."""
    taken, seen = quantized_paths(model), set()
    ends: dict[int, Role] = {}
    for role, module in (("output", model.get_output_embeddings()), ("embedding", model.get_input_embeddings())):
        if module is not None:
            ends[id(module.weight)] = role  # type: ignore[assignment]
    found: Counter[tuple[str, Role, tuple[int, ...], bool, str | None]] = Counter()
    for path, module in model.named_modules():
        for name, parameter in module.named_parameters(recurse=False):
            if id(parameter) in seen:
                continue
            seen.add(id(parameter))
            full = re.sub(r"\.\d+(?=\.|$)", ".*", f"{path}.{name}".lstrip("."))
            shape = tuple(parameter.shape[::-1] if isinstance(module, Conv1D) and name == "weight" else parameter.shape)
            dtype = "float32" if parameter.dtype == torch.float32 != model.dtype else None
            role = ends.get(id(parameter)) or _role(full)
            found[full, role, shape, name == "weight" and path in taken, dtype] += 1
    return tuple(ParameterGroup(name, role, shape, n, q, dtype) for (name, role, shape, q, dtype), n in found.items())


def _role(path: str) -> Role:
    return next((role for role, pattern in _ROLES if re.search(pattern, path)), "other")


def caches_of(model: Any) -> tuple[CacheGroup, ...]:
    """From passes of the model without numbers, which make caches without numbers; else from the config."""
    try:
        groups = _measured(model)
    except (RuntimeError, ValueError, IndexError, TypeError, AttributeError):  # a choice that depends on numbers
        cached = getattr(model.config, "use_cache", True)
        groups = by_config(model.config.get_text_config()) if cached else []
    counted = Counter(group for group in groups if group.per_token or group.state or group.state_float32)
    return tuple(replace(group, layers=n) for group, n in counted.items())


def _measured(model: Any) -> list[CacheGroup]:
    """One group for each layer of the cache: by one pass, by two where a layer keeps more than keys and values."""
    first = _cache_layers(model, _SHORT[0])
    plain = [_keys_and_values(model, layer, _SHORT[0]) for layer in first]
    if all(group is not None and not beside for group, beside in plain):
        return [group for group, _ in plain if group is not None]
    last = _cache_layers(model, _SHORT[1])
    found = [_layer(model, *pair, _SHORT) for pair in zip(first, last, strict=True)]
    if None not in found:
        return [group for group in found if group is not None]
    ends = zip(*(_cache_layers(model, n) for n in _LONG), strict=True)
    return [group or _growing(before, after, _LONG) for group, (before, after) in zip(found, ends, strict=True)]


def measured_cache_bytes(model: Any, context: int) -> int:
    """Bytes of the cache that a pass of a model without numbers leaves behind."""
    layers = _cache_layers(model, context)
    return sum(tensor.nbytes for layer in layers for tensor in _held(layer))


def _cache_layers(model: Any, n: int) -> list[Any]:
    with torch.device("meta"), torch.inference_mode():
        output = model(input_ids=torch.zeros((1, n), dtype=torch.long), use_cache=True, logits_to_keep=1)
    cache = getattr(output, "past_key_values", None) or getattr(output, "cache_params", None)
    return list(getattr(getattr(cache, "self_attention_cache", cache), "layers", ()))


def _keys_and_values(model: Any, layer: Any, n: int) -> tuple[CacheGroup | None, list[torch.Tensor]]:
    """Keys and values of the kept tokens after ``n``, and the tensors beside them; None where they are not by token."""
    window = getattr(layer, "sliding_window", None)
    made = CacheGroup("full" if window is None else "sliding", 1, 0, None if window is None else max(0, window - 1))
    keys, values = getattr(layer, "keys", None), getattr(layer, "values", None)
    beside = [tensor for tensor in _held(layer) if tensor is not keys and tensor is not values]
    if keys is None or values is None or not keys.numel():
        return replace(made, window=None), beside
    if keys.ndim != 4 or keys.shape[2] != made.kept(n):
        return None, beside
    width = keys.shape[1] * (keys.shape[3] + values.shape[3])
    sizes = {"n_kv_heads": keys.shape[1], "key_width": keys.shape[3], "value_width": values.shape[3]}
    return replace(made, kind=_kind(model, made, width), per_token=width, **sizes), beside


def _layer(model: Any, before: Any, after: Any, lengths: tuple[int, int]) -> CacheGroup | None:
    """A layer that keeps more than keys and values: what grows by the token too, or not at all; None for others."""
    (group, small), (again, large) = (
        _keys_and_values(model, layer, n) for layer, n in zip((before, after), lengths, strict=True)
    )
    if group is None or again is None or len(small) != len(large):
        return None
    per_token, state, wide = group.per_token, 0, 0
    for one, two in zip(small, large, strict=True):
        if one.numel() * lengths[1] == two.numel() * lengths[0] and group.window is None:
            per_token += one.numel() // lengths[0]
        elif one.numel() != two.numel():
            return None
        elif one.element_size() == 4:
            wide += one.numel()
        else:
            state += one.numel()
    return replace(
        group, kind=group.kind if per_token else "state", per_token=per_token, state=state, state_float32=wide
    )


def _kind(model: Any, group: CacheGroup, own: int) -> CacheKind:
    config = model.config.get_text_config()
    latent = setting(config, "kv_lora_rank")
    return "latent" if latent and own == latent + (setting(config, "qk_rope_head_dim") or 0) else group.kind


def _growing(before: Any, after: Any, lengths: tuple[int, int]) -> CacheGroup:
    """A line through two lengths: an estimate for what is compressed as it grows."""
    small, large = (sum(tensor.numel() for tensor in _held(layer)) for layer in (before, after))
    slope = (large - small) // (lengths[1] - lengths[0])
    return CacheGroup("other", 1, slope, None, state=max(0, small - slope * lengths[0]))


def _held(value: Any) -> Iterator[torch.Tensor]:
    """All tensors of a layer's cache but counters."""
    if isinstance(value, torch.Tensor):
        if value.ndim > 1:
            yield value
        return
    items: Any = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    for item in vars(value).values() if hasattr(value, "__dict__") and not items else items:
        if isinstance(item, torch.Tensor | dict | list | tuple):
            yield from _held(item)


def by_config(config: Any) -> list[CacheGroup]:
    """Keys and values in all layers by the config; a layer with a window keeps all of it but the token that comes."""
    found = []
    for i, layer in enumerate(layer_configs(config)):
        _, n_kv_heads, head_dim = head_counts(layer)
        latent = setting(layer, "kv_lora_rank")
        width = latent + setting(layer, "qk_rope_head_dim") if latent else 2 * n_kv_heads * head_dim
        kinds = setting(config, "layer_types") or ()
        window = setting(layer, "sliding_window")
        kind = kinds[i] if i < len(kinds) else "sliding_attention" if window else "full_attention"
        heads = {} if latent else {"n_kv_heads": n_kv_heads, "key_width": head_dim, "value_width": head_dim}
        windowed = kind == "sliding_attention" and window is not None and window > 0
        if kind == "full_attention" or (kind == "sliding_attention" and not windowed):
            found.append(CacheGroup("latent" if latent else "full", 1, width, **heads))
        elif windowed:
            found.append(CacheGroup("sliding", 1, width, window - 1, **heads))
    return found
