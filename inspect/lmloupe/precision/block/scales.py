"""All scales of a matrix, read a few rows at a time, and how double quantization stores them."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from lmloupe.precision.block.arithmetic import SECOND_BLOCK, double_quantize, dynamic_map
from lmloupe.precision.block.numbers import Numbers
from lmloupe.precision.block.results import DoubleQuantization
from lmloupe.precision.block.stored import Stored

__all__ = ["absmaxes", "doubled", "doubled_as_stored", "flat_pieces", "largest_of"]

_PIECE = 1 << 20
_LEAST = np.float32(1e-38)


def flat_pieces(numbers: Numbers, size: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """The matrix as rows in pieces that end where blocks of ``size`` end, counted through the matrix: (row, rows)."""
    n_rows, width = numbers.shape
    step = size // math.gcd(width, size)
    step *= max(1, _PIECE // (step * width))
    for first in range(0, n_rows, step):
        yield first, numbers.rows(first, min(n_rows, first + step))


def absmaxes(numbers: Numbers, size: int) -> NDArray[np.float32]:
    """The largest magnitude in each block, counted through the matrix, float32 (n,)."""
    found = []
    for _, rows in flat_pieces(numbers, size):
        flat = np.abs(rows).reshape(-1)
        whole = len(flat) // size * size
        found.append(flat[:whole].reshape(-1, size).max(1))
        if whole < len(flat):
            found.append(np.maximum(flat[whole:].max(keepdims=True), _LEAST))
    return np.concatenate(found)


def largest_of(numbers: Numbers) -> float:
    """The largest magnitude in the matrix."""
    return max(float(np.abs(rows).max()) for _, rows in flat_pieces(numbers, 1))


def doubled(scales: NDArray[np.float32], number: int, *, on_cpu: bool) -> DoubleQuantization:
    """How scale ``number`` of a matrix goes through double quantization, with those of its block of 256."""
    # torch adds up in an order of its own, and the mean's last bit rests on it.
    offset = np.float32(torch.from_numpy(scales).mean().item())
    block, place = divmod(number, SECOND_BLOCK)
    here = scales[block * SECOND_BLOCK : (block + 1) * SECOND_BLOCK]
    shifted, levels = here - offset, dynamic_map()
    absmax, scaled, codes = double_quantize(shifted, levels, on_cpu=on_cpu)
    return DoubleQuantization(
        offset=float(offset),
        n_scales=len(scales),
        block=block,
        place=place,
        scales=here,
        shifted=shifted,
        second_absmax=float(absmax),
        scaled=scaled,
        levels=levels,
        codes=codes,
        back=levels[codes] * absmax + offset,
    )


def doubled_as_stored(held: Stored, number: int) -> DoubleQuantization | None:
    """The same of a model whose original numbers are not kept: codes and what comes back; None where they are gone."""
    if held.scales is None or held.scale_codes is None or held.second_absmax is None:
        return None
    block, place = divmod(number, SECOND_BLOCK)
    part = slice(block * SECOND_BLOCK, (block + 1) * SECOND_BLOCK)
    none = np.empty(0, np.float32)
    return DoubleQuantization(
        offset=held.offset,
        n_scales=len(held.scales),
        block=block,
        place=place,
        scales=none,
        shifted=none,
        second_absmax=float(held.second_absmax[block]),
        scaled=none,
        levels=dynamic_map(),
        codes=held.scale_codes[part],
        back=held.scales[part],
    )
