"""Round a matrix to what a format can store: by bitsandbytes' own functions, and by arithmetic for other formats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bitsandbytes.functional as bnb
import numpy as np
import torch
from numpy.typing import NDArray

from lmloupe.errors import InvalidSettingError, NotFiniteError
from lmloupe.model.precision import BITSANDBYTES, DTYPES, Precision, Weights
from lmloupe.planner.storage import BLOCK_SIZES, bits_per_weight

__all__ = ["BLOCK_SIZES", "E2M1", "Simulated", "bits_per_weight", "quantize_dequantize", "round_matrix", "simulate"]

E2M1 = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
"""The eight magnitudes of a 4-bit float with two exponent bits and one mantissa bit (codes 0 to 7; 8 to 15 minus)."""
_LARGEST_E4M3 = 448.0


@dataclass(frozen=True, slots=True, eq=False)
class Simulated:
    """A matrix in a format that is worked by arithmetic.

    Attributes:
        format: ``"q4_0"``, ``"q8_0"``, ``"mxfp4"``, ``"nvfp4"`` or ``"int4_g128"``.
        codes: int16 (rows, columns), what is stored for each weight: 0 to 15, or -127 to 127 for Q8_0. A code of
            MXFP4 or NVFP4 is a sign bit (8) and a place in `E2M1`.
        scales: float32 (rows, blocks), one for each block of a row, as stored: float16 for Q4_0, Q8_0 and int4, a
            power of two for MXFP4, E4M3 for NVFP4.
        zeros: int16 (rows, blocks), the code that stands for zero: 8 for Q4_0, chosen for each group by int4, else 0.
        tensor_scale: the one scale of the whole matrix that NVFP4 has besides; 1.0 for the others.
        values: float32 (rows, columns), what comes back.
        block_size: weights that share a scale; the last block of a row may be shorter.
    """

    format: Weights
    codes: NDArray[np.int16]
    scales: NDArray[np.float32]
    zeros: NDArray[np.int16]
    tensor_scale: float
    values: NDArray[np.float32]
    block_size: int


def simulate(matrix: NDArray[np.floating], format: Weights) -> Simulated:  # noqa: A002 - the word of the field
    """Round a matrix to a format of another engine, by the arithmetic of its specification.

    - ``"q4_0"``: blocks of 32; scale = the number of greatest magnitude / -8 (ggml, ``quantize_row_q4_0_ref``).
    - ``"q8_0"``: blocks of 32; scale = greatest magnitude / 127 (ggml, ``quantize_row_q8_0_ref``).
    - ``"mxfp4"``: blocks of 32; scale = 2 ** (floor(log2(greatest magnitude)) - 2), E2M1 numbers (OCP Microscaling
      Formats specification 1.0, section 6.3).
    - ``"nvfp4"``: blocks of 16; scale = greatest magnitude / 6 in E4M3, over one float32 scale of the matrix that
      makes the greatest of them 448; E2M1 numbers (NVIDIA).
    - ``"int4_g128"``: groups of 128 with a zero point: scale = (max - min) / 15, zero = round(-min / scale), where min
      is at most and max at least 0 (GPTQ's asymmetric grid).

    Args:
        matrix: (rows, columns), or one row (columns,).
        format: one of those.

    Raises:
        InvalidSettingError: another format, or a matrix without numbers.
        NotFiniteError: NaN or infinite numbers.

    >>> found = simulate(np.array([[-8.0, 1.0, 2.4, 7.0]]), "q4_0")
    >>> found.codes.tolist(), found.scales.tolist(), found.values.tolist()
    ([[0, 9, 10, 15]], [[1.0]], [[-8.0, 1.0, 2.0, 7.0]])
    """
    if format not in _WORKED:
        raise InvalidSettingError(f"{format} is not worked by arithmetic: choose from {', '.join(_WORKED)}.")
    numbers = np.atleast_2d(np.asarray(matrix, np.float32))
    if numbers.ndim != 2 or not numbers.size:
        raise InvalidSettingError(f"A matrix of shape {np.shape(matrix)} has no rows of weights to round.")
    if not np.isfinite(numbers).all():
        raise NotFiniteError("The weights hold NaN or infinite numbers, which no format can scale.")
    codes, scales, zeros, whole, values = _worked(torch.from_numpy(numbers), format)
    return Simulated(
        format=format,
        codes=codes.numpy().astype(np.int16),
        scales=scales.numpy(),
        zeros=zeros.numpy().astype(np.int16),
        tensor_scale=whole,
        values=values.numpy(),
        block_size=BLOCK_SIZES[format],
    )


def quantize_dequantize(matrix: NDArray[np.floating], precision: Precision | str) -> NDArray[np.float32]:
    """What comes back of a matrix that is stored in a precision: float32 (rows, columns).

    nf4, fp4 and int8 go through bitsandbytes' own functions, as its linear layers store them; other formats through
    `simulate`.

    Args:
        matrix: (rows, columns).
        precision: how it is stored.

    >>> quantize_dequantize(np.array([[0.5, -1.0]]), "float16").tolist()
    [[0.5, -1.0]]
    """
    chosen = Precision.parse(precision) if isinstance(precision, str) else precision
    return round_matrix(torch.from_numpy(np.asarray(matrix, np.float32)), chosen).numpy()


def round_matrix(matrix: torch.Tensor, precision: Precision) -> torch.Tensor:
    """`quantize_dequantize` for tensors: float32 (rows, columns) on the device of ``matrix``."""
    weights, numbers = precision.weights, matrix.float()
    if weights in DTYPES:
        return numbers.to(getattr(torch, weights)).float()
    if weights not in BITSANDBYTES:
        return _worked(numbers, weights)[4]
    functional: Any = bnb
    if weights == "int8":
        codes, scales, _ = functional.int8_vectorwise_quant(numbers.to(torch.float16))  # as Int8Params stores it
        back: torch.Tensor = functional.int8_vectorwise_dequant(codes, scales)
        return back.float()
    packed, state = functional.quantize_4bit(
        numbers.contiguous(), blocksize=64, quant_type=weights, compress_statistics=precision.double_quant
    )
    found: torch.Tensor = functional.dequantize_4bit(packed, state)
    return found.float().reshape(matrix.shape)


_Worked = tuple[torch.Tensor, torch.Tensor, torch.Tensor, float, torch.Tensor]
"""Codes, scales, zero points, the matrix's scale, values."""


def _worked(matrix: torch.Tensor, weights: Weights) -> _Worked:
    rows, columns = matrix.shape
    size = BLOCK_SIZES[weights]
    # Zeros to the end of the last block change no scale: every format has a zero.
    padded = torch.nn.functional.pad(matrix, (0, -columns % size)).reshape(rows, -1, size)
    codes, scales, zeros, whole, values = _WORKED[weights](padded)
    return (
        codes.reshape(rows, -1)[:, :columns],
        scales.reshape(rows, -1),
        zeros.reshape(rows, -1),
        whole,
        values.reshape(rows, -1)[:, :columns].contiguous(),
    )


def _divided(numbers: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Times the scale's inverse, as ggml does; 0 in a block of zeros."""
    return numbers * torch.where(scale == 0, 0.0, 1.0 / scale)


def _q4_0(blocks: torch.Tensor) -> _Worked:
    largest = blocks.gather(-1, blocks.abs().argmax(-1, keepdim=True))
    scale = largest / -8
    codes = (_divided(blocks, scale) + 8.5).trunc().clamp(max=15)
    stored = scale.half().float()
    return codes, stored, torch.full_like(stored, 8), 1.0, (codes - 8) * stored


def _q8_0(blocks: torch.Tensor) -> _Worked:
    scale = blocks.abs().amax(-1, keepdim=True) / 127
    scaled = _divided(blocks, scale)
    codes = (scaled.abs() + 0.5).floor() * scaled.sign()  # C's roundf: halves away from zero
    stored = scale.half().float()
    return codes, stored, torch.zeros_like(stored), 1.0, codes * stored


def _mxfp4(blocks: torch.Tensor) -> _Worked:
    largest = blocks.abs().amax(-1, keepdim=True)
    _, exponent = torch.frexp(largest)  # largest = fraction * 2 ** exponent, fraction from 0.5 to below 1
    scale = torch.where(largest == 0, 1.0, torch.ldexp(torch.ones_like(largest), (exponent - 1 - 2).clamp(-127, 127)))
    codes, values = _e2m1(blocks / scale)
    return codes, scale, torch.zeros_like(scale), 1.0, values * scale


def _nvfp4(blocks: torch.Tensor) -> _Worked:
    largest = blocks.abs().amax(-1, keepdim=True)
    whole = float(largest.max()) / (E2M1[-1] * _LARGEST_E4M3) or 1.0
    scale = (largest / E2M1[-1] / whole).clamp(max=_LARGEST_E4M3).to(torch.float8_e4m3fn).float()
    codes, values = _e2m1(torch.where(scale == 0, 0.0, blocks / (scale * whole)))
    return codes, scale, torch.zeros_like(scale), whole, values * (scale * whole)


def _int4(blocks: torch.Tensor) -> _Worked:
    low = blocks.amin(-1, keepdim=True).clamp(max=0)
    high = blocks.amax(-1, keepdim=True).clamp(min=0)
    scale = ((high - low) / 15).half().float()
    scale = torch.where(scale == 0, 1.0, scale)
    zero = torch.round(-low / scale).clamp(0, 15)
    codes = (torch.round(blocks / scale) + zero).clamp(0, 15)
    return codes, scale, zero, 1.0, (codes - zero) * scale


def _e2m1(numbers: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Codes of a sign and a magnitude, and the numbers they stand for: nearest, halves to the even code, at most 6."""
    levels = torch.tensor(E2M1, device=numbers.device)
    between, size = (levels[1:] + levels[:-1]) / 2, numbers.abs()
    lower, upper = torch.bucketize(size, between), torch.bucketize(size, between, right=True)
    place = torch.where(lower % 2 == 0, lower, upper)  # they differ on a half only
    negative = torch.signbit(numbers)
    return (place + 8 * negative).float(), torch.where(negative, -levels[place], levels[place])


_WORKED = {"q4_0": _q4_0, "q8_0": _q8_0, "mxfp4": _mxfp4, "nvfp4": _nvfp4, "int4_g128": _int4}
