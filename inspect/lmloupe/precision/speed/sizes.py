"""Bytes of a model's weights in a precision: predicted from its config, and read from the loaded tensors."""

from __future__ import annotations

import copy
from typing import Any

import torch
import transformers

from lmloupe.errors import InvalidSettingError
from lmloupe.model.load import compute_dtype
from lmloupe.model.local import LocalEngine
from lmloupe.model.precision import Precision
from lmloupe.planner.counting import kv_cache_bytes, meta_model, weight_bytes
from lmloupe.precision.speed.results import WeightBytes

__all__ = ["cache_bytes", "measured_bytes", "model_dtype", "predicted_bytes", "predicted_weights"]


def model_dtype(precision: Precision, device: str) -> torch.dtype:
    """The dtype of activations and of what is not quantized, as `lmloupe.load_engine` chooses it."""
    found: torch.dtype = compute_dtype(device) if precision.is_quantized else getattr(torch, precision.weights)
    return found


def predicted_weights(engine: LocalEngine, precisions: tuple[Precision, ...]) -> tuple[WeightBytes, ...]:
    """`predicted_bytes` for the model of an engine, on its device; nothing is loaded."""
    config, device = engine.loaded.model.config, engine.describe().device
    return tuple(predicted_bytes(config, one, model_dtype(one, device)) for one in precisions)


def predicted_bytes(config: transformers.PreTrainedConfig, precision: Precision, dtype: torch.dtype) -> WeightBytes:
    """Count the bytes of a model's weights on torch's meta device, from its config alone.

    Args:
        config: of a causal language model.
        precision: as bitsandbytes stores it, or plain numbers.
        dtype: of what is not quantized.

    Raises:
        InvalidSettingError: a precision that is simulated: no engine of ours stores it.
    """
    if precision.is_simulated:
        raise InvalidSettingError(
            f"{precision.label} is worked by arithmetic and not stored, so it has no bytes and no speed here: choose "
            "int8, fp4, nf4 or plain numbers."
        )
    plain = copy.deepcopy(config)
    if getattr(plain, "quantization_config", None) is not None:
        del plain.quantization_config  # of a model that is loaded quantized; its shapes are the same
    model: Any = meta_model(plain, dtype)
    _, total, _ = weight_bytes(model, precision.quantization, double_quant=precision.double_quant)
    packed = 0
    if precision.quantization != "none":
        _, packed = _codes(model, precision)
    _, everything, _ = weight_bytes(model, "none", double_quant=False)
    weights = everything - _plain(model, precision) + packed if precision.quantization != "none" else total
    buffers = sum(buffer.nbytes for buffer in model.buffers())
    return WeightBytes(precision, weights, total - weights, buffers)


def cache_bytes(engine: LocalEngine, dtype: torch.dtype, tokens: int) -> int:
    """What the key-value cache of a loaded model holds after some tokens."""
    plain = copy.deepcopy(engine.loaded.model.config)
    if getattr(plain, "quantization_config", None) is not None:
        del plain.quantization_config
    return kv_cache_bytes(meta_model(plain, dtype), tokens)


def measured_bytes(engine: LocalEngine, precision: Precision) -> WeightBytes:
    """Bytes of the tensors of a loaded model: of its weights, of their constants, of its buffers."""
    model = engine.loaded.model
    seen: dict[int, Any] = {id(parameter): parameter for parameter in model.parameters()}
    weights = sum(parameter.nbytes for parameter in seen.values())
    buffers = sum(buffer.nbytes for buffer in model.buffers())
    return WeightBytes(precision, weights, engine.describe().bytes - weights, buffers)
