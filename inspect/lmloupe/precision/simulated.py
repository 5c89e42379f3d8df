"""Formats of other engines by arithmetic, block by block: each step that a weight goes through, as tensors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from lmloupe.errors import NotFiniteError
from lmloupe.model.precision import BLOCK_SIZES, Weights

__all__ = ["E2M1", "Worked", "levels", "worked"]

E2M1 = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
"""The eight magnitudes of a 4-bit float with two exponent bits and one mantissa bit (codes 0 to 7; 8 to 15 minus)."""
_LARGEST_E4M3 = 448.0
_NOT_FINITE = (
    "The weights hold NaN or infinite numbers, or numbers whose scale is beyond what the format stores: nothing that "
    "is finite comes back of them."
)


class Worked(NamedTuple):
    """A format worked on blocks (..., size): what `simulate` gives, as tensors, and the steps between.

    Attributes:
        codes: (..., size).
        divisor: (..., 1), what the numbers are divided by.
        scaled: (..., size), what the codes are chosen for.
        scale: (..., 1), as stored.
        zeros: (..., 1).
        whole: the scale of the matrix.
        values: (..., size), what comes back.
    """

    codes: torch.Tensor
    divisor: torch.Tensor
    scaled: torch.Tensor
    scale: torch.Tensor
    zeros: torch.Tensor
    whole: float
    values: torch.Tensor


def worked(matrix: torch.Tensor, weights: Weights, largest: float | None = None) -> Worked:
    """A matrix in a simulated format, block by block: (rows, blocks, size), zeros after the end of a row.

    Args:
        matrix: float32 (rows, columns).
        weights: a simulated format.
        largest: the greatest magnitude of the whole matrix, where ``matrix`` is a part of it; NVFP4 scales by it.

    Raises:
        NotFiniteError: the numbers are not finite, or their scale is beyond what the format stores.
    """
    size = BLOCK_SIZES[weights]
    # Zeros to the end of the last block change no scale: every format has a zero.
    blocks = torch.nn.functional.pad(matrix, (0, -matrix.shape[1] % size)).reshape(len(matrix), -1, size)
    if weights == "nvfp4":
        found = _nvfp4(blocks, float(matrix.abs().max()) if largest is None else largest)
    else:
        found = _WORKED[weights](blocks)
    if not bool(torch.isfinite(matrix).all() and torch.isfinite(found.values).all()):
        raise NotFiniteError(_NOT_FINITE)
    return found


def levels(weights: Weights, zero: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
    """What the codes of a simulated format stand for before they are multiplied with the scale, and the codes.

    Ascending; of E2M1's two zeros the one without a sign.

    >>> levels("mxfp4")[0].tolist()
    [-6.0, -4.0, -3.0, -2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0]
    """
    if weights in ("mxfp4", "nvfp4"):
        codes = np.array([*range(15, 8, -1), *range(8)], np.int16)
        return np.array([-E2M1[c - 8] if c > 8 else E2M1[c] for c in codes.tolist()], np.float32), codes
    whole = np.arange(-127, 128, dtype=np.int16) if weights == "q8_0" else np.arange(16, dtype=np.int16)
    return (whole - zero).astype(np.float32), whole


def _inverse(scale: torch.Tensor) -> torch.Tensor:
    """1 / scale; 0 for a block of zeros, and for a scale so small that it has no inverse and is stored as 0."""
    inverse = 1.0 / scale
    return torch.where(torch.isfinite(inverse), inverse, 0.0)


def _q4_0(blocks: torch.Tensor) -> Worked:
    largest = blocks.gather(-1, blocks.abs().argmax(-1, keepdim=True))
    scale = largest / -8
    scaled = blocks * _inverse(scale)  # times the inverse, as ggml does
    codes = (scaled + 8.5).trunc().clamp(max=15)
    stored = scale.half().float()
    return Worked(codes, scale, scaled, stored, torch.full_like(stored, 8), 1.0, (codes - 8) * stored)


def _q8_0(blocks: torch.Tensor) -> Worked:
    scale = blocks.abs().amax(-1, keepdim=True) / 127
    scaled = blocks * _inverse(scale)
    whole = scaled.trunc()
    codes = whole + ((scaled - whole).abs() >= 0.5) * scaled.sign()  # C's roundf: halves away from zero
    stored = scale.half().float()
    return Worked(codes, scale, scaled, stored, torch.zeros_like(stored), 1.0, codes * stored)


def _mxfp4(blocks: torch.Tensor) -> Worked:
    largest = blocks.abs().amax(-1, keepdim=True)
    _, exponent = torch.frexp(largest)  # largest = fraction * 2 ** exponent, fraction from 0.5 to below 1
    power = torch.ldexp(torch.ones_like(largest), (exponent - 1 - 2).clamp(-127, 127))
    scale = torch.where(largest == 0, 1.0, power)
    scaled = blocks / scale
    codes, values = _e2m1(scaled)
    return Worked(codes, scale, scaled, scale, torch.zeros_like(scale), 1.0, values * scale)


def _nvfp4(blocks: torch.Tensor, largest: float) -> Worked:
    # As one float32 division, whatever Python's own arithmetic would add to it.
    whole = float(torch.tensor(largest) / (E2M1[-1] * _LARGEST_E4M3)) or 1.0
    scale = blocks.abs().amax(-1, keepdim=True) / E2M1[-1] / whole
    scale = scale.clamp(max=_LARGEST_E4M3).to(torch.float8_e4m3fn).float()
    both = scale * whole
    scaled = torch.where(both == 0, 0.0, blocks / both)
    codes, values = _e2m1(scaled)
    return Worked(codes, both, scaled, scale, torch.zeros_like(scale), whole, values * both)


def _int4(blocks: torch.Tensor) -> Worked:
    low = blocks.amin(-1, keepdim=True).clamp(max=0)
    high = blocks.amax(-1, keepdim=True).clamp(min=0)
    scale = ((high - low) / 15).half().float()
    scale = torch.where(scale == 0, 1.0, scale)
    zero = torch.round(-low / scale).clamp(0, 15)
    scaled = blocks / scale
    codes = (torch.round(scaled) + zero).clamp(0, 15)
    return Worked(codes, scale, scaled, scale, zero, 1.0, (codes - zero) * scale)


def _e2m1(numbers: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Codes of a sign and a magnitude, and the numbers they stand for: nearest, halves to the even code, at most 6."""
    levels = torch.tensor(E2M1, device=numbers.device)
    between, size = (levels[1:] + levels[:-1]) / 2, numbers.abs()
    lower, upper = torch.bucketize(size, between), torch.bucketize(size, between, right=True)
    place = torch.where(lower % 2 == 0, lower, upper)  # they differ on a half only
    negative = torch.signbit(numbers)
    return (place + 8 * negative).float(), torch.where(negative, -levels[place], levels[place])


_WORKED = {"q4_0": _q4_0, "q8_0": _q8_0, "mxfp4": _mxfp4, "int4_g128": _int4}
