"""Bytes of weights, cache and work, counted on a model with or without numbers; and what is free on a device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from lmloupe.model.architecture.results import Quantization
from lmloupe.model.pieces import PREFILL_CHUNK
from lmloupe.model.precision import Precision
from lmloupe.planner import machine_memory, measure
from lmloupe.planner.cards import CUDA_RESERVE
from lmloupe.planner.makeup import CacheGroup, ParameterGroup, Weighed, weigh
from lmloupe.planner.makeup import work_bytes as pass_bytes
from lmloupe.planner.measure import meta_model
from lmloupe.planner.storage import format_of

__all__ = [
    "FIXED_BYTES",
    "available_bytes",
    "kv_cache_bytes",
    "meta_model",
    "quantized_paths",
    "weighed",
    "weight_bytes",
    "work_bytes",
]

FIXED_BYTES = {"cpu": 80 << 20, "mps": 160 << 20, "cuda": CUDA_RESERVE}
"""Tokenizer and buffers of the products: with the embedded model on the CPU a process grew by 82 MB beside weights,
cache and states. On CUDA also the driver's context."""


def quantized_paths(model: Any, quantization: Quantization) -> set[str]:
    """Paths of the modules that transformers hands to bitsandbytes: linear ones, but for the output matrix."""
    return set() if quantization == "none" else measure.quantized_paths(model)


def weighed(model: nn.Module, quantization: Quantization, *, double_quant: bool) -> Weighed:
    """The weights of a model as they would lie in memory, in parts."""
    return _weighed(model, measure.groups_of(model), quantization, double_quant)


def _weighed(
    model: nn.Module, groups: Sequence[ParameterGroup], quantization: Quantization, double_quant: bool
) -> Weighed:
    chosen = None if quantization == "none" else format_of(Precision(quantization, double_quant=double_quant))
    dtype: Any = model.dtype
    return weigh(groups, chosen, str(dtype).removeprefix("torch."))


def weight_bytes(model: nn.Module, quantization: Quantization, *, double_quant: bool) -> tuple[int, int, int]:
    """Numbers of a model, bytes of its weights as they would lie in memory, and the largest linear weight's numbers."""
    groups = measure.groups_of(model)
    found = _weighed(model, groups, quantization, double_quant)
    total = found.quantized_bytes + found.other_bytes + found.constants_bytes
    return sum(group.n_parameters for group in groups), total, found.largest


def kv_cache_bytes(model: Any, context: int) -> int:
    """Bytes that transformers' own cache holds after ``context`` tokens: keys and values, and states of other kinds."""
    return cache_bytes(model, measure.caches_of(model), context)


def cache_bytes(model: Any, caches: tuple[CacheGroup, ...], context: int) -> int:
    """The same, where the model's layers are known; those that grow otherwise than by the token are measured."""
    if any(group.kind == "other" for group in caches):
        return measure.measured_cache_bytes(model, context)
    return sum(group.bytes(context, model.dtype.itemsize) for group in caches)


def work_bytes(config: Any, device: str, context: int, dtype: torch.dtype, largest: int) -> int:
    """What one forward pass needs beside weights and cache, and what no model's size changes: an estimate."""
    sizes = (config.hidden_size, measure.inner_width(config), config.vocab_size)
    piece = min(context, PREFILL_CHUNK.get(device, PREFILL_CHUNK["cpu"]))
    return pass_bytes(sizes, piece, dtype.itemsize, largest=largest) + FIXED_BYTES[device]


def available_bytes(device: str) -> int:
    """Memory that is free now: of the GPU, or of this machine within the limit that its container sets."""
    if device == "cuda":
        return machine_memory.available_gpu_memory()
    if device == "mps":
        return max(0, torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    return machine_memory.available_memory()
