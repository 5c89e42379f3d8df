"""Run a model with some of its matrices rounded to what a format stores, by arithmetic: `formats`, without its kernels.

Which matrices are rounded is what transformers would hand to bitsandbytes: the linear ones, but for the output matrix.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from lmloupe.errors import InvalidSettingError, NotAvailableError
from lmloupe.model.passes.loaded import LoadedModel
from lmloupe.model.precision import Precision
from lmloupe.planner.counting import quantized_paths
from lmloupe.precision.formats import round_matrix

__all__ = ["matrix_paths", "round_in_steps", "rounded", "rounded_weight"]


def matrix_paths(loaded: LoadedModel) -> tuple[str, ...]:
    """Paths of the modules whose weights a format would store, in the model's order: ``model.layers.0.mlp.up_proj``.

    Of a model that is quantized, none: its weights are rounded already.
    """
    chosen = quantized_paths(loaded.model, "nf4")
    return tuple(path for path, _ in loaded.model.named_modules() if path in chosen)


@contextmanager
def rounded(
    loaded: LoadedModel,
    paths: Sequence[str],
    precision: Precision,
    made: Mapping[str, nn.Parameter] | None = None,
) -> Iterator[None]:
    """While it is open, the weights at ``paths`` are those that come back of a precision; then the model's own again.

    All sessions share the model: open and close it within one step of the model's worker. The model's own numbers are
    set aside and put back, not computed back, so that they are the same to the last bit. Needs room for a second copy
    of the matrices that are rounded.

    Args:
        loaded: the model, not quantized.
        paths: of modules, from `matrix_paths`.
        precision: any; ``"int8"``, ``"fp4"`` and ``"nf4"`` are rounded by bitsandbytes and multiplied as plain numbers.
        made: by path, weights that were rounded before, which are not rounded again.

    Raises:
        InvalidSettingError: no such module, or one without a matrix of weights.
        NotAvailableError: a weight that is quantized already.
    """
    own: list[tuple[Any, nn.Parameter]] = []
    new: dict[int, nn.Parameter] = {}
    try:
        for path in paths:
            module = _module(loaded, path)
            weight = module.weight
            if id(weight) not in new:  # two modules may share one
                back = None if made is None else made.get(path)
                if back is None:
                    back = nn.Parameter(rounded_weight(module, precision), requires_grad=False)
                new[id(weight)] = back
            own.append((module, weight))
            module.weight = new[id(weight)]
        yield
    finally:
        for module, weight in own:
            module.weight = weight


def round_in_steps(loaded: LoadedModel, paths: Sequence[str], precision: Precision) -> Iterator[None]:
    """Round the weights at ``paths`` for good, a matrix a step, without a second copy; for a model of one's own.

    Arguments and errors are those of `rounded`.
    """
    done: set[int] = set()
    for path in paths:
        module = _module(loaded, path)
        if id(module.weight) not in done:
            done.add(id(module.weight))
            module.weight.copy_(rounded_weight(module, precision))
            yield


def rounded_weight(module: Any, precision: Precision) -> torch.Tensor:
    """What comes back of a module's weight, in its shape and dtype; rows are outputs, as bitsandbytes takes them."""
    weight = module.weight
    turned = isinstance(module, Conv1D)  # GPT-2 stores inputs first
    back = round_matrix(weight.detach().T.contiguous() if turned else weight.detach(), precision)
    return (back.T.contiguous() if turned else back).to(weight.dtype)


def _module(loaded: LoadedModel, path: str) -> Any:
    try:
        module: Any = loaded.model.get_submodule(path)
    except AttributeError:
        module = None
    weight = getattr(module, "weight", None)
    if not isinstance(weight, torch.Tensor) or (weight.ndim != 2 and weight.is_floating_point()):
        raise InvalidSettingError(
            f"{loaded.name} has no matrix of weights at {path!r}: choose one of its linear modules, as they are "
            "named in describe().modules."
        )
    if not weight.is_floating_point():
        raise NotAvailableError(
            f"{path} of {loaded.name} is quantized already: load the model with quantization none to round its weights."
        )
    return module
