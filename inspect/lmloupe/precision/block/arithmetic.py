"""bitsandbytes' formats in NumPy, step by step: nf4, fp4, int8, and the double quantization of scales.

Every step rounds as bitsandbytes rounds, so that codes and scales are equal to what it stores, bit for bit.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, TypeAlias

import bitsandbytes.functional as bnb
import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["SECOND_BLOCK", "Steps", "Table", "double_quantize", "dynamic_map", "four_bit", "int8", "table"]

FourBit: TypeAlias = Literal["nf4", "fp4"]
Floats: TypeAlias = NDArray[np.float32]

SECOND_BLOCK = 256
"""How many scales share a second scale."""
_LEAST = np.float32(1e-38)  # what bitsandbytes divides by at least
_GRID = np.float32(65535)


class Table(NamedTuple):
    """Sixteen levels in ascending order, float32, and the code of each, int16."""

    levels: Floats
    codes: NDArray[np.int16]


class Steps(NamedTuple):
    """One block: absmax, float32 (n,) scaled, and int64 (n,) places in the ascending levels."""

    absmax: np.float32
    scaled: Floats
    places: NDArray[np.int64]


def table(kind: FourBit) -> Table:
    """Bitsandbytes' own code table, ascending.

    Of fp4's two zeros (codes 0 and 8) the one that bitsandbytes chooses for numbers up to 0 comes first.
    """
    functional: Any = bnb
    code: torch.Tensor = functional.get_4bit_type(kind, device="cpu")
    order = torch.argsort(code)  # as bitsandbytes orders them: of equal levels either may come first
    return Table(code[order].numpy(), order.numpy().astype(np.int16))


def four_bit(values: Floats, levels: Floats, *, whole: bool = True) -> Steps:
    """One block of nf4 or fp4: by its largest magnitude to -1 to 1, then to the nearest level, a tie to the lower one.

    Args:
        values: float32 (n,).
        levels: ascending.
        whole: a whole block is multiplied with 1 / absmax; the last one of a matrix, where it is shorter, is divided
            by absmax, which rounds otherwise.

    >>> steps = four_bit(np.array([0.5, -0.2, 0.03], np.float32), table("nf4").levels)
    >>> float(steps.absmax), steps.scaled.round(2).tolist(), steps.places.tolist()
    (0.5, [1.0, -0.4000000059604645, 0.05999999865889549], [15, 3, 8])
    """
    absmax = np.abs(values).max()
    divisor = max(absmax, _LEAST)
    scaled = values * (np.float32(1) / divisor) if whole else values / divisor
    scaled = np.clip(scaled, np.float32(-1), np.float32(1))
    between = (levels[:-1] + levels[1:]) / np.float32(2)
    return Steps(absmax if whole else divisor, scaled, np.searchsorted(between, scaled, side="left"))


def int8(row: NDArray[np.float16]) -> tuple[np.float32, Floats, NDArray[np.int8]]:
    """One row of LLM.int8(): its largest magnitude, the row times 127 over it, and that rounded to whole numbers.

    A tie goes to the even number. The row is float16, as bitsandbytes makes it before anything else.

    >>> absmax, scaled, codes = int8(np.array([0.5, -0.2, 0.03], np.float16))
    >>> float(absmax), codes.tolist()
    (0.5, [127, -51, 8])
    """
    absmax = np.abs(row).max().astype(np.float32)
    if absmax == 0:
        return absmax, np.zeros(row.shape, np.float32), np.zeros(row.shape, np.int8)
    # torch makes of 127 / absmax the inverse times 127, which rounds twice.
    scaled = row.astype(np.float32) * (np.float32(1) / absmax * np.float32(127))
    return absmax, scaled, np.rint(scaled).astype(np.int8)


def dynamic_map() -> Floats:
    """The 256 levels that scales are stored as, ascending, float32 (256,): bitsandbytes' signed dynamic map."""
    functional: Any = bnb
    found: torch.Tensor = functional.create_dynamic_map()
    return found.numpy()


def double_quantize(
    shifted: Floats, levels: Floats, *, on_cpu: bool = True
) -> tuple[np.float32, Floats, NDArray[np.uint8]]:
    """One block of at most 256 scales, the mean taken off: second absmax, the scales over it, the codes.

    bitsandbytes takes the nearest level. On a CPU it rounds to one of 65,536 steps from -1 to 1 first, for a look-up
    table, so that a number halfway between two levels may get the one that is further away by a step.
    """
    absmax = np.abs(shifted).max()
    if absmax == 0:
        return absmax, np.zeros_like(shifted), np.zeros(shifted.shape, np.uint8)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # a scale so small that it has no inverse
        scaled = np.clip(np.nan_to_num(shifted * (np.float32(1) / absmax), nan=0.0), np.float32(-1), np.float32(1))
    looked_up = scaled
    if on_cpu:
        step = np.trunc((scaled + np.float32(1)) * np.float32(0.5) * _GRID + np.float32(0.5))
        looked_up = step / _GRID * np.float32(2) - np.float32(1)
    right = np.clip(np.searchsorted(levels, looked_up, side="left"), 1, len(levels) - 1)
    nearer = np.abs(levels[right] - looked_up) < np.abs(looked_up - levels[right - 1])
    return absmax, scaled, np.where(nearer, right, right - 1).astype(np.uint8)
