"""Bytes of a model's weights in a precision: predicted from its config, and read from the loaded tensors."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
import transformers
from torch import nn

from lmloupe.errors import InvalidSettingError, UnsupportedError
from lmloupe.model.load import compute_dtype
from lmloupe.model.local import LocalEngine
from lmloupe.model.precision import Precision
from lmloupe.planner.counting import kv_cache_bytes, weighed
from lmloupe.planner.measure import meta_model
from lmloupe.precision.speed.results import WeightBytes

__all__ = [
    "cache_bytes",
    "held_bytes",
    "measured_bytes",
    "model_dtype",
    "predicted_bytes",
    "predicted_weights",
    "require_stored",
]

_BLOCK = 512


def model_dtype(precision: Precision, device: str) -> torch.dtype:
    """The dtype of activations and of what is not quantized, as `lmloupe.load_engine` chooses it."""
    found: torch.dtype = compute_dtype(device) if precision.is_quantized else getattr(torch, precision.weights)
    return found


def predicted_weights(engine: LocalEngine, precisions: Sequence[Precision | str]) -> tuple[WeightBytes, ...]:
    """Bytes of a loaded model's weights in other precisions on its device, from its config; nothing is loaded.

    Args:
        engine: the model, in any precision that is not its files' own.
        precisions: plain numbers, int8, fp4 or nf4, as `Precision` or in its short form.

    Raises:
        InvalidSettingError: a precision that is simulated.
        UnsupportedError: the published weights are quantized, so there are no others.

    >>> from lmloupe.model.load import load_engine
    >>> float32, nf4 = predicted_weights(load_engine(device="cpu"), ["float32", "nf4"])
    >>> float32.total, nf4.total, nf4.footprint
    (538060032, 173119872, 166471168)
    """
    described = engine.describe()
    if described.published_as.startswith("quantized"):
        raise UnsupportedError(
            f"The weights of {described.name} are {described.published_as} in its files, so it cannot be had in other "
            "precisions: choose the repository of the original weights."
        )
    chosen = [Precision.parse(one) if isinstance(one, str) else one for one in precisions]
    for one in chosen:
        require_stored(one)
    dtypes = [model_dtype(one, described.device) for one in chosen]
    models = {dtype: _without_numbers(engine.loaded.model.config, dtype) for dtype in dict.fromkeys(dtypes)}
    return tuple(_counted(models[dtype], one) for one, dtype in zip(chosen, dtypes, strict=True))


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
    found = weighed(model, precision.quantization, double_quant=precision.double_quant)
    return WeightBytes(
        precision=precision,
        weights=found.quantized_bytes + found.other_bytes,
        constants=found.constants_bytes,
        buffers=sum(buffer.nbytes for buffer in model.buffers()),
    )


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


def held_bytes(engine: LocalEngine) -> int:
    """What torch has handed out on CUDA for a model that is not quantized, in whole blocks, tied tensors once."""
    model = engine.loaded.model
    stores = [tensor.untyped_storage() for tensor in (*model.parameters(), *model.buffers())]
    sizes = {store.data_ptr(): store.nbytes() for store in stores}
    return sum(-(-size // _BLOCK) * _BLOCK for size in sizes.values())
