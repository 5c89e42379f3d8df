"""One product of LLM.int8() on a text: with outlier columns in floating point, and with all in int8."""

from __future__ import annotations

from typing import Any

import bitsandbytes.functional as bnb
import numpy as np
import torch
from bitsandbytes.autograd._functions import MatmulLtState, matmul
from numpy.typing import NDArray

from lmloupe.encodings.encoding import TextOrIds
from lmloupe.errors import InvalidSettingError, NotAvailableError, NotFiniteError
from lmloupe.model.local import LocalEngine
from lmloupe.precision.block.numbers import matrix_of, numbers_of, way_to_numbers
from lmloupe.precision.block.results import Int8Product
from lmloupe.precision.modules import quantizable_modules
from lmloupe.precision.outliers import require_threshold

__all__ = ["int8_product"]


def int8_product(engine: LocalEngine, text_or_ids: TextOrIds, module: str, threshold: float = 6.0) -> Int8Product:
    """Multiply one matrix with its inputs on a text as LLM.int8() does, and say how wrong the product is.

    LLM.int8() (Dettmers et al., 2022) rounds each token's inputs to 255 steps of its largest magnitude. One very large
    input makes the steps of the token's other inputs coarse; so columns with an input of at least ``threshold`` are
    left out and multiplied in floating point. Both products are bitsandbytes' own, with and without that; the exact
    one is in floating point with the original weights. A bias is left out of all three.

    Args:
        engine: a model in this process; inputs are those of the model as it is loaded.
        text_or_ids: the text.
        module: a matrix that bitsandbytes quantizes in this model, or would.
        threshold: of magnitudes; 0 takes no column out.

    Raises:
        InvalidSettingError: no such module, one that bitsandbytes leaves as it is, or a threshold below 0.
        NotAvailableError: the original weights are not kept, or the module reads nothing of this text.
        NotFiniteError: an input is beyond float16 (65,504), in which LLM.int8() scales.
        InputError: as for every question about a text.
    """
    require_threshold(threshold)
    matrix_of(engine, module)
    loaded, ids = engine.loaded, engine.input_ids(text_or_ids)
    modules = quantizable_modules(loaded.model)
    if module not in modules:
        raise InvalidSettingError(
            f"bitsandbytes leaves {module} as it is, so it is never multiplied in int8: choose a matrix of the blocks."
        )
    numbers = numbers_of(engine, module)
    if numbers is None:
        raise NotAvailableError(
            f"The original numbers of {module} are not kept on this machine: {way_to_numbers(engine)}."
        )
    weights = torch.from_numpy(numbers.rows(0, numbers.shape[0]))
    inputs = loaded.worker.call(lambda: _inputs(loaded.model, modules[module], ids))
    if not len(inputs):
        raise NotAvailableError(f"{module} reads no token of this text: choose another text or module.")
    if not bool(torch.isfinite(inputs.half()).all()):
        raise NotFiniteError(f"An input of {module} is beyond float16 on this text, in which LLM.int8() scales.")
    return loaded.worker.call(lambda: _compared(module, ids, inputs, weights.to(inputs.device), threshold))


def _inputs(model: Any, module: torch.nn.Module, ids: NDArray[np.int32]) -> torch.Tensor:
    """What a module reads of a text, (n, columns); in the worker's thread."""
    found: list[torch.Tensor] = []
    handle = module.register_forward_pre_hook(
        lambda _, args, kwargs: found.append(args[0] if args else next(iter(kwargs.values()))), with_kwargs=True
    )
    device = model.get_input_embeddings().weight.device
    try:
        model(input_ids=torch.from_numpy(ids.astype(np.int64)).to(device)[None], use_cache=False, logits_to_keep=1)
    finally:
        handle.remove()
    rows = [one.detach().reshape(-1, one.shape[-1]) for one in found]
    return torch.cat(rows) if rows else torch.empty(0, 0)


def _compared(
    module: str, ids: NDArray[np.int32], inputs: torch.Tensor, weights: torch.Tensor, threshold: float
) -> Int8Product:
    functional: Any = bnb
    codes, scales, _ = functional.int8_vectorwise_quant(weights.half())
    exact = inputs.double() @ weights.double().T

    def product(limit: float) -> torch.Tensor:
        state = MatmulLtState()
        state.threshold, state.CB, state.SCB, state.is_training = limit, codes, scales, False
        result: torch.Tensor = matmul(inputs, codes, threshold=limit, state=state)
        return result

    rounded = inputs.double() @ functional.int8_vectorwise_dequant(codes, scales).double().T
    with_outliers, all_int8 = product(threshold), product(0.0)
    magnitudes = inputs.half().abs()
    large = magnitudes >= threshold if threshold else torch.zeros_like(magnitudes, dtype=torch.bool)
    return Int8Product(
        module=module,
        input_ids=ids,
        threshold=threshold,
        outliers=torch.nonzero(large.any(0))[:, 0].cpu().numpy(),
        largest=_largest(magnitudes, 0),
        row_scales=_largest(magnitudes.masked_fill(large, 0), 1),
        row_scales_all=_largest(magnitudes, 1),
        error=_relative(with_outliers, exact),
        error_all_int8=_relative(all_int8, exact),
        error_of_weights=_relative(rounded, exact),
        token_errors=_by_token(with_outliers, exact),
        token_errors_all_int8=_by_token(all_int8, exact),
    )


def _largest(magnitudes: torch.Tensor, axis: int) -> NDArray[np.float32]:
    largest: NDArray[np.float32] = magnitudes.max(axis).values.float().cpu().numpy()
    return largest


def _relative(found: torch.Tensor, exact: torch.Tensor) -> float:
    size = float(exact.norm())
    return float((found.double() - exact).norm()) / size if size else 0.0


def _by_token(found: torch.Tensor, exact: torch.Tensor) -> NDArray[np.float32]:
    size = exact.norm(dim=1)
    wrong = (found.double() - exact).norm(dim=1)
    relative: NDArray[np.float32] = torch.where(size > 0, wrong / size.clamp(min=1e-300), 0.0).float().cpu().numpy()
    return relative
