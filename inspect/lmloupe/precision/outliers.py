"""Outlier columns of activations: what LLM.int8() takes out of a product because it would spoil the scale of a row."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lmloupe.encodings.encoding import TextOrIds
from lmloupe.errors import InvalidSettingError, NotFiniteError
from lmloupe.model.local import LocalEngine
from lmloupe.precision.modules import quantizable_modules

__all__ = ["ActivationOutliers", "ModuleInputs", "activation_outliers", "require_threshold"]


@dataclass(frozen=True, slots=True, eq=False)
class ModuleInputs:
    """What one matrix was multiplied with on a text.

    Attributes:
        name: path of its module, ``model.layers.0.self_attn.q_proj``.
        largest: float32 (columns,), the largest magnitude in each input column over all tokens.
        tokens: int32 (columns,), the token that has it, from 0.
        threshold: from which magnitude on a column is an outlier; 0 for none.
        outliers: int64 (k,), the columns that LLM.int8() multiplies in floating point, ascending. The magnitudes are
            rounded to float16 first, as there.
    """

    name: str
    largest: NDArray[np.float32] = field(repr=False)
    tokens: NDArray[np.int32] = field(repr=False)
    threshold: float
    outliers: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class ActivationOutliers:
    """Outlier columns of every quantized matrix on one text; see `activation_outliers`.

    Attributes:
        input_ids: int32 (n,), the text as the model reads it.
        threshold: see `ModuleInputs`.
        modules: one for each matrix that bitsandbytes quantizes, in the model's order.
    """

    input_ids: NDArray[np.int32]
    threshold: float
    modules: tuple[ModuleInputs, ...] = field(repr=False)

    def at(self, threshold: float) -> ActivationOutliers:
        """The same text with another threshold; runs no model.

        >>> largest, tokens = np.array([0.5, 7.25, 2.0], np.float32), np.array([0, 0, 3], np.int32)
        >>> one = ModuleInputs("layers.0.mlp.down_proj", largest, tokens, 6.0, np.array([1]))
        >>> ActivationOutliers(np.arange(4, dtype=np.int32), 6.0, (one,)).at(2.0).modules[0].outliers.tolist()
        [1, 2]
        """
        require_threshold(threshold)
        modules = tuple(
            replace(one, threshold=threshold, outliers=_columns(one.largest, threshold)) for one in self.modules
        )
        return replace(self, threshold=threshold, modules=modules)


def activation_outliers(engine: LocalEngine, text_or_ids: TextOrIds, threshold: float = 6.0) -> ActivationOutliers:
    """The input columns in which some activation of a text is at least ``threshold``, for every quantized matrix.

    LLM.int8() (Dettmers et al., 2022) multiplies these columns in floating point and the others in int8; 6.0 is its
    default. The threshold is on the activations of the text at hand, never on weights. One forward pass, of the model
    as it is loaded: in a quantized model the inputs are those of its quantized products.

    Args:
        engine: a model in this process, in any precision.
        text_or_ids: the text.
        threshold: of magnitudes, at least 0; 0 takes no column out, as in bitsandbytes.

    Raises:
        InvalidSettingError: a threshold below 0, or none.
        NotFiniteError: an input is NaN or infinite.
        InputError: as for every question about a text; see `lmloupe.Engine`.
    """
    require_threshold(threshold)
    ids, loaded = engine.input_ids(text_or_ids), engine.loaded
    found = loaded.worker.call(lambda: _largest_inputs(loaded.model, ids))
    modules = []
    for name, (largest, tokens) in found.items():
        if not np.isfinite(largest).all():
            raise NotFiniteError(
                f"The inputs of {name} hold NaN or infinite numbers on this text: load the model in another precision."
            )
        modules.append(ModuleInputs(name, largest, tokens, threshold, _columns(largest, threshold)))
    return ActivationOutliers(ids, threshold, tuple(modules))


def require_threshold(threshold: float) -> None:
    """Raise InvalidSettingError for a threshold below 0 or one that is not finite."""
    if not (threshold >= 0 and math.isfinite(threshold)):
        raise InvalidSettingError(f"The threshold is {threshold}; it must be a number of at least 0.")


def _columns(largest: NDArray[np.float32], threshold: float) -> NDArray[np.int64]:
    if threshold == 0:
        return np.empty(0, np.int64)
    with np.errstate(over="ignore"):
        return np.flatnonzero(largest.astype(np.float16) >= np.float16(threshold)).astype(np.int64)


def _largest_inputs(model: Any, ids: NDArray[np.int32]) -> dict[str, tuple[NDArray[np.float32], NDArray[np.int32]]]:
    """Of each matrix the largest magnitude in each input column, and its token; in the worker's thread."""
    modules = quantizable_modules(model)
    found: dict[str, tuple[NDArray[np.float32], NDArray[np.int32]]] = {}

    def keep(name: str, inputs: torch.Tensor) -> None:
        rows = inputs.detach().abs().reshape(-1, inputs.shape[-1])
        if not len(rows):  # an expert that no token was sent to
            return
        largest, tokens = rows.max(0)
        here = largest.float().cpu().numpy(), tokens.cpu().numpy().astype(np.int32)  # NumPy has no bfloat16
        if name in found:  # called more than once: an expert, or a block that is gone through again
            before = found[name]
            more = here[0] > before[0]
            here = np.where(more, here[0], before[0]), np.where(more, here[1], before[1])
        found[name] = here

    handles = [
        module.register_forward_pre_hook(lambda _, args, kwargs, name=name: keep(name, _given(args, kwargs)),
                                         with_kwargs=True)
        for name, module in modules.items()
    ]  # fmt: skip
    device = model.get_input_embeddings().weight.device
    try:
        model(input_ids=torch.from_numpy(ids.astype(np.int64)).to(device)[None], use_cache=False, logits_to_keep=1)
    finally:
        for handle in handles:
            handle.remove()
    return {name: found[name] for name in modules if name in found}


def _given(args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor:
    value: torch.Tensor = args[0] if args else next(iter(kwargs.values()))
    return value
