"""One block in a format of another engine, by arithmetic."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from lmloupe.precision.block.asked import Asked
from lmloupe.precision.block.results import QuantizationBlock
from lmloupe.precision.block.scales import largest_of
from lmloupe.precision.simulated import levels, worked

__all__ = ["work_simulated"]


def work_simulated(asked: Asked) -> QuantizationBlock:
    """The block of a question about a simulated format."""
    numbers, weights, n = asked.numbers, asked.precision.weights, asked.place.n
    assert numbers is not None  # noqa: S101 - no model holds a simulated format
    largest = largest_of(numbers) if weights == "nvfp4" else None
    found = worked(torch.from_numpy(asked.values)[None], weights, largest)
    codes = found.codes[0, 0, :n].numpy().astype(np.int16)
    zero = int(found.zeros[0, 0, 0])
    known, level_codes = levels(weights, zero)
    scale = np.float32(found.scale[0, 0, 0]) * np.float32(found.whole)
    back = found.values[0, 0, :n].numpy()
    packed, byte_of, in_high = _packed(weights, found.codes[0, 0].numpy().astype(np.int16), n)
    return asked.block_of(
        absmax=float(np.abs(asked.values).max()), divisor=float(found.divisor[0, 0, 0]), scale=float(scale), zero=zero,
        scaled=found.scaled[0, 0, :n].numpy(), levels=known, level_codes=level_codes, codes=codes,
        chosen=_levels_of(weights, codes, zero), back=back, packed=packed, byte_of=byte_of, in_high=in_high,
        tensor_scale=found.whole,
    )  # fmt: skip


def _levels_of(weights: str, codes: NDArray[np.int16], zero: int) -> NDArray[np.float32]:
    if weights not in ("mxfp4", "nvfp4"):
        return (codes - zero).astype(np.float32)
    known, level_codes = levels("mxfp4")
    by_code = np.zeros(16, np.float32)
    by_code[level_codes] = known
    by_code[8] = -0.0
    return by_code[codes]


def _packed(
    weights: str, codes: NDArray[np.int16], n: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.bool_]]:
    """Bytes of a block in ggml's order, Q4_0: the first half in the lower four bits; empty for other 4-bit formats."""
    here = np.arange(n, dtype=np.int64)
    if weights == "q8_0":
        return codes[:n].astype(np.int8).view(np.uint8), here, np.zeros(n, np.bool_)
    if weights == "q4_0":
        half = len(codes) // 2
        both = (codes[half:] << 4) | codes[:half]
        return both.astype(np.uint8), here % half, here >= half
    return np.empty(0, np.uint8), np.empty(0, np.int64), np.empty(0, np.bool_)
