"""Bytes of weights, cache and work, counted on a model without weights; and what is free on a device."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import torch
import transformers
from torch import nn
from transformers.pytorch_utils import Conv1D
from transformers.quantizers.base import get_keys_to_not_convert
from transformers.quantizers.quantizers_utils import should_convert_module

from lmloupe.model.architecture.results import Quantization
from lmloupe.model.passes.config_sizes import head_counts, largest_setting, layer_configs, setting
from lmloupe.model.pieces import PREFILL_CHUNK

__all__ = ["available_bytes", "kv_cache_bytes", "meta_model", "quantized_paths", "weight_bytes", "work_bytes"]

# bitsandbytes' defaults: numbers to a scale, scales to a scale of scales, entries of the two code books.
_BLOCK, _NESTED_BLOCK, _CODE, _NESTED_CODE = 64, 256, 16, 256
# Tokenizer and buffers of the products: with the embedded model on the CPU a process grew by 82 MB beside weights,
# cache and states. On CUDA also the driver's context.
_FIXED = {"cpu": 80 << 20, "mps": 160 << 20, "cuda": 480 << 20}
_CGROUP = Path("/sys/fs/cgroup")


def meta_model(config: transformers.PreTrainedConfig, dtype: torch.dtype) -> nn.Module:
    """The model that a config describes, with shapes and no numbers; takes no memory."""
    auto: Any = transformers.AutoModelForCausalLM
    if hasattr(config, "_experts_implementation"):
        config._experts_implementation = "batched_mm"  # the default chooses experts by numbers, and there are none here
    with torch.device("meta"):
        model: nn.Module = auto.from_config(config, dtype=dtype)
    return model.eval()


def quantized_paths(model: Any, quantization: Quantization) -> set[str]:
    """Paths of the modules that transformers hands to bitsandbytes: linear ones, but for the output matrix."""
    if quantization == "none":
        return set()
    kept = [*get_keys_to_not_convert(model), *(model._keep_in_fp32_modules or ())]
    return {
        path
        for path, module in model.named_modules()
        if (type(module) is nn.Linear or isinstance(module, Conv1D)) and should_convert_module(path, kept)
    }


def _weight(shape: torch.Size, quantization: Quantization, *, double_quant: bool) -> int:
    """Bytes of one quantized weight with its constants."""
    n = math.prod(shape)
    if quantization == "int8":
        return n + 4 * shape[0]
    scales = -(-n // _BLOCK)
    packed = -(-n // 2) + 4 * _CODE
    if not double_quant:
        return packed + 4 * scales
    return packed + scales + 4 * -(-scales // _NESTED_BLOCK) + 4 * _NESTED_CODE + 4


def weight_bytes(model: nn.Module, quantization: Quantization, *, double_quant: bool) -> tuple[int, int, int]:
    """Numbers of a model, bytes of its weights as they would lie in memory, and the largest linear weight's numbers."""
    chosen = quantized_paths(model, quantization)
    seen: set[int] = set()
    n_parameters, total, largest = 0, 0, 0
    for path, module in model.named_modules():
        for name, parameter in module.named_parameters(recurse=False):
            if id(parameter) in seen:
                continue
            seen.add(id(parameter))
            n_parameters += parameter.numel()
            if name == "weight" and path in chosen:
                shape = parameter.shape[::-1] if isinstance(module, Conv1D) else parameter.shape  # outputs first
                total += _weight(shape, quantization, double_quant=double_quant)
                largest = max(largest, parameter.numel())
            else:
                total += parameter.nbytes
    return n_parameters, total, largest


def kv_cache_bytes(model: Any, context: int) -> int:
    """Bytes that transformers' own cache holds after ``context`` tokens: keys and values, and states of other kinds.

    Read from a pass of the model without numbers, which makes a cache without numbers. Where such a pass cannot be run
    (a choice that depends on numbers), counted from the config.
    """
    cached = getattr(model.config, "use_cache", True)
    try:
        with torch.device("meta"), torch.inference_mode():
            output = model(input_ids=torch.zeros((1, context), dtype=torch.long), use_cache=True, logits_to_keep=1)
    except (RuntimeError, ValueError, IndexError, TypeError, AttributeError):
        return _counted_cache_bytes(model.config.get_text_config(), context, model.dtype) if cached else 0
    cache = getattr(output, "past_key_values", None) or getattr(output, "cache_params", None)
    layers = getattr(getattr(cache, "self_attention_cache", cache), "layers", ())
    return sum(_held(value) for layer in layers for value in vars(layer).values())


def _held(value: Any) -> int:
    if isinstance(value, torch.Tensor):
        return value.nbytes if value.ndim > 1 else 0  # counters beside
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return sum(_held(item) for item in items)


def _counted_cache_bytes(config: Any, context: int, dtype: torch.dtype) -> int:
    """Keys and values in all layers by the config; a layer with a window holds all of it but the token that comes."""
    total = 0
    for i, layer in enumerate(layer_configs(config)):
        _, n_kv_heads, head_dim = head_counts(layer)
        latent = setting(layer, "kv_lora_rank")  # DeepSeek's: kept is what keys and values are multiplied out of
        width = latent + setting(layer, "qk_rope_head_dim") if latent else 2 * n_kv_heads * head_dim
        kinds = setting(config, "layer_types") or ()
        window = setting(layer, "sliding_window")
        kind = kinds[i] if i < len(kinds) else "sliding_attention" if window else "full_attention"
        kept = {"full_attention": context, "sliding_attention": min(context, (window or context + 1) - 1)}
        total += width * kept.get(kind, 0) * dtype.itemsize
    return total


def work_bytes(config: Any, device: str, context: int, dtype: torch.dtype, largest: int) -> int:
    """What one forward pass needs beside weights and cache: an estimate.

    States of one piece of the prompt (queries, keys, values, the MLP's inner numbers), the scores of one position in
    float32 a few times over, one quantized matrix as it is dequantized for a product, and what no model's size changes.
    """
    n = min(context, PREFILL_CHUNK.get(device, 256))
    width = config.hidden_size
    inner = largest_setting(config, "decoder_ffn_dim", "intermediate_size", "ffn_dim", "ffn_hidden_size") or 4 * width
    states = n * (8 * width + 3 * inner) * dtype.itemsize
    scores = 6 * config.vocab_size * 4
    return int(states + scores + largest * dtype.itemsize + _FIXED[device])


def available_bytes(device: str) -> int:
    """Memory that is free now: of the GPU, or of this machine within the limit that its container sets."""
    if device == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    if device == "mps":
        return max(0, torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    free = int(psutil.virtual_memory().available)
    limit, used = _words("memory.max"), _words("memory.current")
    if not limit or not used or not limit[0].isdigit():
        return free
    stat = _words("memory.stat")
    # Files that were read count as used, and are given up when memory is wanted.
    spare = int(stat[stat.index("inactive_file") + 1]) if "inactive_file" in stat else 0
    return max(0, min(free, int(limit[0]) - int(used[0]) + spare))


def _words(name: str) -> list[str]:
    try:
        return (_CGROUP / name).read_text("ascii").split()
    except OSError:  # no cgroup of the second version, or none at all
        return []
