"""Round a matrix to what a format can store: by bitsandbytes' own functions, and by arithmetic for other formats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bitsandbytes.functional as bnb
import numpy as np
import torch
from numpy.typing import NDArray

from lmloupe.errors import InvalidSettingError
from lmloupe.model.precision import BITSANDBYTES, BLOCK_SIZES, DTYPES, SIMULATED, Precision, Weights
from lmloupe.planner.storage import bits_per_weight
from lmloupe.precision.simulated import worked

__all__ = ["Simulated", "bits_per_weight", "quantize_dequantize", "round_matrix", "simulate"]


@dataclass(frozen=True, slots=True, eq=False)
class Simulated:
    """A matrix in a format that is worked by arithmetic.

    Attributes:
        format: ``"q4_0"``, ``"q8_0"``, ``"mxfp4"``, ``"nvfp4"`` or ``"int4_g128"``.
        codes: int16 (rows, columns), what is stored for each weight: 0 to 15, or -127 to 127 for Q8_0. A code of
            MXFP4 or NVFP4 is a sign bit (8) and a place in ``lmloupe.precision.simulated.E2M1``.
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
        NotFiniteError: NaN or infinite numbers, or numbers so large that their scale is beyond what is stored
            (float16 ends at 65,504).

    >>> found = simulate(np.array([[-8.0, 1.0, 2.4, 7.0]]), "q4_0")
    >>> found.codes.tolist(), found.scales.tolist(), found.values.tolist()
    ([[0, 9, 10, 15]], [[1.0]], [[-8.0, 1.0, 2.0, 7.0]])
    """
    if format not in SIMULATED:
        raise InvalidSettingError(f"{format} is not worked by arithmetic: choose from {', '.join(SIMULATED)}.")
    numbers = np.atleast_2d(np.asarray(matrix, np.float32))
    if numbers.ndim != 2 or not numbers.size:
        raise InvalidSettingError(f"A matrix of shape {np.shape(matrix)} has no rows of weights to round.")
    tensor = torch.from_numpy(numbers)
    found = worked(tensor, format)
    return Simulated(
        format=format,
        codes=_cut(tensor, found.codes).numpy().astype(np.int16),
        scales=found.scale[..., 0].numpy(),
        zeros=found.zeros[..., 0].numpy().astype(np.int16),
        tensor_scale=found.whole,
        values=_cut(tensor, found.values).numpy(),
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
        return _cut(numbers, worked(numbers, weights).values)
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


def _cut(matrix: torch.Tensor, part: torch.Tensor) -> torch.Tensor:
    return part.reshape(len(matrix), -1)[:, : matrix.shape[1]].contiguous()
