"""What is asked of each loaded precision beside its pass: which it is, where its parts are, what it takes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmloupe.errors import LoupeError, NotAvailableError
from lmloupe.model.local import LocalEngine
from lmloupe.model.passes.loaded import LoadedModel
from lmloupe.model.precision import Precision
from lmloupe.precision.comparison.reading import Measured, PartPaths
from lmloupe.precision.comparison.results import PrecisionResult
from lmloupe.precision.formats import bits_per_weight
from lmloupe.precision.rounded import matrix_paths

__all__ = ["part_paths", "precision_of", "reason", "result_of", "stored_bytes"]


def precision_of(engine: LocalEngine) -> Precision:
    """The precision that an engine was loaded in."""
    model, dtype = engine.loaded.model, engine.describe().compute_dtype
    if engine.describe().quantization == "none":
        return Precision(dtype)  # type: ignore[arg-type]
    for module in model.modules():
        state = getattr(getattr(module, "weight", None), "quant_state", None)
        if state is not None:
            products = str(module.compute_dtype).removeprefix("torch.")
            return Precision(state.quant_type, bool(state.nested), "auto" if products == dtype else products)  # type: ignore[arg-type]
    return Precision("int8")


def part_paths(loaded: LoadedModel) -> tuple[PartPaths | None, str]:
    """Where the model's parts are; None, and why, where they cannot be found."""
    try:
        return PartPaths.of(loaded.model, loaded.parts), ""
    except NotAvailableError as error:
        return None, str(error)  # not swallowed: the report says so; logits need no parts


def reason(error: LoupeError) -> str:
    """Why a precision could not be had, with a way out where bitsandbytes is the reason."""
    said = str(error)
    return said if "bfloat16" in said or "MPS" not in said else f"{said} bfloat16 needs no bitsandbytes."


def stored_bytes(engine: LocalEngine, precision: Precision) -> int:
    """Bytes of the weights; of a simulated precision what its format would take."""
    total = engine.describe().bytes
    if not precision.is_simulated:
        return total
    shapes = {module.name: module.shape for module in engine.describe().modules}
    for path in matrix_paths(engine.loaded):
        weight: Any = engine.loaded.model.get_submodule(path).weight
        rows, columns = shapes[path]
        total += round(rows * columns * bits_per_weight(precision, (rows, columns)) / 8) - weight.nbytes
    return total


def result_of(
    precision: Precision, weight_bytes: int, found: Measured, load_s: float, first: NDArray[np.int32] | None
) -> PrecisionResult:
    """What the report says of one precision; ``first`` is the baseline's continuation, None for the baseline itself."""
    rows, new_ids = found.rows, np.asarray(found.continuation_ids, np.int32)
    same = 0 if first is None else int(np.cumprod(new_ids[: len(first)] == first[: len(new_ids)]).sum())
    return PrecisionResult(
        precision=precision,
        is_baseline=first is None,
        next_log_probs=rows.log_probs[0].numpy(),
        kl_bits=rows.kl_bits.numpy(),
        top_changed=rows.top_changed.numpy(),
        top_ids=rows.top_ids.numpy().astype(np.int32),
        top_log_probs=rows.top_log_probs.numpy(),
        baseline_log_probs=rows.baseline_log_probs.numpy(),
        log_probs_at_baseline=rows.log_probs_at_baseline.numpy(),
        target_log_probs=rows.target_log_probs.numpy()[:-1],
        baseline_target_log_probs=rows.baseline_target_log_probs.numpy()[:-1],
        state_cosine=found.state_cosine.numpy(),
        state_error=found.state_error.numpy(),
        continuation_ids=new_ids,
        continuation_log_probs=np.asarray(found.continuation_log_probs, np.float32),
        first_difference=-1 if first is None or same == max(len(first), len(new_ids)) else same,
        weight_bytes=weight_bytes,
        load_s=load_s,
        pass_s=found.pass_s,
    )
