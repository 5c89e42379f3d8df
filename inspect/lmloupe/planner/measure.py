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
from lmloupe.planner.makeup import CacheGroup, CacheKind, Makeup, ParameterGroup, Role

__all__ = ["makeup_of", "meta_model"]

_INNER = ("decoder_ffn_dim", "intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size")
_SHORT = (8, 12)
_LONG = (4096, 8192)
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
    with torch.device("meta"):
        model: nn.Module = auto.from_config(config, dtype=dtype)
    return model.eval()


def makeup_of(config: transformers.PreTrainedConfig) -> Makeup:
    """Build the model on torch's meta device and count it. About 15 ms a layer, no memory."""
    model: Any = meta_model(config, torch.bfloat16)
    text = config.get_text_config()
    named = getattr(config, "dtype", None) or getattr(text, "dtype", None)
    n_heads, n_kv_heads, head_dim = head_counts(text)
    output, inputs = model.get_output_embeddings(), model.get_input_embeddings()
    return Makeup(
        architecture=type(model).__name__,
        n_layers=layer_count(text),
        width=int(text.hidden_size),
        inner=largest_setting(text, *_INNER) or 4 * int(text.hidden_size),
        vocab_rows=int(inputs.weight.shape[0]),
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        head_dim=head_dim,
        context_length=context_length(text) or 0,
        dtype=str(named).removeprefix("torch.") if isinstance(named, torch.dtype) else "bfloat16",
        tied=output is None or output.weight is inputs.weight,
        buffer_bytes=sum(buffer.nbytes for buffer in model.buffers()),
        groups=_groups(model),
        caches=_caches(model),
    )


def _taken(model: Any) -> set[str]:
    """Paths of the modules that transformers hands to bitsandbytes: linear ones, but for the output matrix."""
    kept = [*get_keys_to_not_convert(model), *(model._keep_in_fp32_modules or ())]
    return {
        path
        for path, module in model.named_modules()
        if (type(module) is nn.Linear or isinstance(module, Conv1D)) and should_convert_module(path, kept)
    }


def _groups(model: Any) -> tuple[ParameterGroup, ...]:
    taken, seen = _taken(model), set()
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
            dtype = "float32" if parameter.dtype == torch.float32 else None
            role = ends.get(id(parameter)) or _role(full)
            found[full, role, shape, name == "weight" and path in taken, dtype] += 1
    return tuple(ParameterGroup(name, role, shape, n, q, dtype) for (name, role, shape, q, dtype), n in found.items())


def _role(path: str) -> Role:
    return next((role for role, pattern in _ROLES if re.search(pattern, path)), "other")


def _caches(model: Any) -> tuple[CacheGroup, ...]:
    """From two passes of the model without numbers, which make caches without numbers; else from the config."""
    try:
        groups = _measured(model, _SHORT) or _measured(model, _LONG, growing=True)
    except (RuntimeError, ValueError, IndexError, TypeError, AttributeError):  # a choice that depends on numbers
        cached = getattr(model.config, "use_cache", True)
        groups = _by_config(model.config.get_text_config()) if cached else []
    counted = Counter(group for group in groups if group.per_token or group.state or group.state_float32)
    return tuple(replace(group, layers=n) for group, n in counted.items())


def _measured(model: Any, lengths: tuple[int, int], *, growing: bool = False) -> list[CacheGroup]:
    """One group for each layer of the cache; none where a layer grows otherwise than by the token."""
    first, last = (_cache_layers(model, n) for n in lengths)
    found = []
    for before, after in zip(first, last, strict=True):
        group = _layer(model, before, after, lengths)
        if group is None and not growing:
            return []
        found.append(group or _growing(before, after, lengths))
    return found


def _cache_layers(model: Any, n: int) -> list[Any]:
    with torch.device("meta"), torch.inference_mode():
        output = model(input_ids=torch.zeros((1, n), dtype=torch.long), use_cache=True, logits_to_keep=1)
    cache = getattr(output, "past_key_values", None) or getattr(output, "cache_params", None)
    return list(getattr(getattr(cache, "self_attention_cache", cache), "layers", ()))


def _layer(model: Any, before: Any, after: Any, lengths: tuple[int, int]) -> CacheGroup | None:
    """Keys and values of the kept tokens, and beside them what grows by the token or not at all; None for others."""
    window = getattr(before, "sliding_window", None)
    made = CacheGroup("full" if window is None else "sliding", 1, 0, None if window is None else max(0, window - 1))
    kept, sizes = [made.kept(n) for n in lengths], []
    for layer, n in ((before, kept[0]), (after, kept[1])):
        keys, values = getattr(layer, "keys", None), getattr(layer, "values", None)
        whole = sum(tensor.numel() for tensor in _held(layer, itemsize=None))
        if keys is not None and values is not None and keys.numel():
            if keys.ndim != 4 or keys.shape[2] != n:
                return None
            made = replace(made, n_kv_heads=keys.shape[1], key_width=keys.shape[3], value_width=values.shape[3])
            whole -= keys.numel() + values.numel()
        sizes.append(whole)
    own = made.n_kv_heads * (made.key_width + made.value_width)
    grown = sizes[1] - sizes[0]
    if grown % (lengths[1] - lengths[0]) or (grown and sizes[0] * lengths[1] != sizes[1] * lengths[0]):
        return None
    if grown:
        return replace(made, kind="other", per_token=own + grown // (lengths[1] - lengths[0]))
    wide = sum(tensor.numel() for tensor in _held(before, itemsize=4))
    narrow = sizes[0] - wide
    if not own:
        return replace(made, kind="state", window=None, state=narrow, state_float32=wide)
    return replace(made, kind=_kind(model, made, own), per_token=own, state=narrow, state_float32=wide)


def _kind(model: Any, group: CacheGroup, own: int) -> CacheKind:
    config = model.config.get_text_config()
    latent = setting(config, "kv_lora_rank")
    return "latent" if latent and own == latent + (setting(config, "qk_rope_head_dim") or 0) else group.kind


def _growing(before: Any, after: Any, lengths: tuple[int, int]) -> CacheGroup:
    """A line through two lengths: an estimate for what is compressed as it grows."""
    small, large = (sum(tensor.numel() for tensor in _held(layer, itemsize=None)) for layer in (before, after))
    slope = (large - small) // (lengths[1] - lengths[0])
    return CacheGroup("other", 1, slope, None, state=max(0, small - slope * lengths[0]))


def _held(value: Any, *, itemsize: int | None) -> Iterator[torch.Tensor]:
    """All tensors of a layer's cache but counters; of one size of number only, where it is named."""
    if isinstance(value, torch.Tensor):
        if value.ndim > 1 and itemsize in (None, value.element_size()):
            yield value
        return
    items: Any = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    for item in vars(value).values() if hasattr(value, "__dict__") and not items else items:
        if isinstance(item, torch.Tensor | dict | list | tuple):
            yield from _held(item, itemsize=itemsize)


def _by_config(config: Any) -> list[CacheGroup]:
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
        if kind == "full_attention":
            found.append(CacheGroup("latent" if latent else "full", 1, width, **heads))
        elif kind == "sliding_attention":
            found.append(CacheGroup("sliding", 1, width, (window - 1) if window else None, **heads))
    return found
