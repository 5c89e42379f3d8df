"""Bytes of a model's weights in a precision: predicted from its config, and read from the loaded tensors."""

from __future__ import annotations

import copy
from typing import Any

import torch
import transformers
from torch import nn

from lmloupe.errors import InvalidSettingError
from lmloupe.model.load import compute_dtype
from lmloupe.model.local import LocalEngine
from lmloupe.model.precision import Precision
from lmloupe.planner.counting import kv_cache_bytes, meta_model, quantized_paths, weight_bytes
from lmloupe.precision.speed.results import WeightBytes

__all__ = ["cache_bytes", "measured_bytes", "model_dtype", "predicted_bytes", "predicted_weights", "require_stored"]


def model_dtype(precision: Precision, device: str) -> torch.dtype:
    """The dtype of activations and of what is not quantized, as `lmloupe.load_engine` chooses it."""
    found: torch.dtype = compute_dtype(device) if precision.is_quantized else getattr(torch, precision.weights)
    return found


def predicted_weights(engine: LocalEngine, precisions: tuple[Precision, ...]) -> tuple[WeightBytes, ...]:
    """`predicted_bytes` for the model of an engine, on its device; nothing is loaded."""
    config, device = engine.loaded.model.config, engine.describe().device
    dtypes = [model_dtype(one, device) for one in precisions]
    for one in precisions:
        require_stored(one)
    models = {dtype: _without_numbers(config, dtype) for dtype in dict.fromkeys(dtypes)}
    return tuple(_counted(models[dtype], one) for one, dtype in zip(precisions, dtypes, strict=True))


def require_stored(precision: Precision) -> None:
    """Raise InvalidSettingError for a precision that is simulated: it has no bytes and no speed here."""
    if precision.is_simulated:
        raise InvalidSettingError(
            f"{precision.label} is worked by arithmetic and not stored, so it has no bytes and no speed here: choose "
            "int8, fp4, nf4 or plain numbers."
        )


def predicted_bytes(config: transformers.PreTrainedConfig, precision: Precision, dtype: torch.dtype) -> WeightBytes:
    """Count the bytes of a model's weights on torch's meta device, from its config alone.

    Args:
        config: of a causal language model.
        precision: as bitsandbytes stores it, or plain numbers.
        dtype: of what is not quantized.

    Raises:
        InvalidSettingError: a precision that is simulated: no engine of ours stores it.
    """
    require_stored(precision)
    return _counted(_without_numbers(config, dtype), precision)


def _without_numbers(config: transformers.PreTrainedConfig, dtype: torch.dtype) -> nn.Module:
    plain = copy.deepcopy(config)
    if getattr(plain, "quantization_config", None) is not None:
        del plain.quantization_config  # of a model that is loaded quantized; its shapes are the same
    return meta_model(plain, dtype)


def _counted(model: nn.Module, precision: Precision) -> WeightBytes:
    _, total, _ = weight_bytes(model, precision.quantization, double_quant=precision.double_quant)
    chosen = quantized_paths(model, precision.quantization)
    weights, seen = 0, set()
    for path, module in model.named_modules():
        for name, parameter in module.named_parameters(recurse=False):
            if id(parameter) in seen:
                continue
            seen.add(id(parameter))
            n = parameter.numel()
            codes = n if precision.quantization == "int8" else -(-n // 2)
            weights += codes if name == "weight" and path in chosen else parameter.nbytes
    buffers = sum(buffer.nbytes for buffer in model.buffers())
    return WeightBytes(precision, weights, total - weights, buffers)


def cache_bytes(engine: LocalEngine, dtype: torch.dtype, tokens: int) -> int:
    """What the key-value cache of a loaded model holds after some tokens."""
    return kv_cache_bytes(_without_numbers(engine.loaded.model.config, dtype), tokens)


def measured_bytes(engine: LocalEngine, precision: Precision) -> WeightBytes:
    """Bytes of the tensors of a loaded model: of its weights, of their constants, of its buffers."""
    model = engine.loaded.model
    seen: dict[int, Any] = {id(parameter): parameter for parameter in model.parameters()}
    weights = sum(parameter.nbytes for parameter in seen.values())
    buffers = sum(buffer.nbytes for buffer in model.buffers())
    return WeightBytes(precision, weights, engine.describe().bytes - weights, buffers)
