"""Bits that a matrix takes in each precision: its codes, and the scales that the codes are multiplied with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lmloupe.model.precision import DTYPES, Precision, Weights

__all__ = ["BLOCK_SIZES", "NESTED_BLOCK", "Stored", "bits_per_weight", "book_bytes", "itemsize", "stored"]

BLOCK_SIZES: dict[Weights, int] = {
    "nf4": 64, "fp4": 64, "q4_0": 32, "q8_0": 32, "mxfp4": 32, "nvfp4": 16, "int4_g128": 128
}  # fmt: skip
"""How many weights share a scale. Those of nf4 and fp4 run on over the ends of rows, the others begin at each row."""
NESTED_BLOCK = 256
"""How many scales of bitsandbytes share a scale of scales, with double quantization."""
CODE_BITS: dict[Weights, int] = {
    "float32": 32, "bfloat16": 16, "float16": 16, "int8": 8, "nf4": 4, "fp4": 4,
    "q4_0": 4, "q8_0": 8, "mxfp4": 4, "nvfp4": 4, "int4_g128": 4,
}  # fmt: skip
"""Bits of one code."""
SCALE_BITS: dict[Weights, int] = {"q4_0": 16, "q8_0": 16, "mxfp4": 8, "nvfp4": 8, "int4_g128": 16 + 4}
"""Bits beside each block: its scale, for int4 also its zero point."""
_BOOK, _NESTED_BOOK = 16 * 4, 256 * 4 + 4


@dataclass(frozen=True, slots=True)
class Stored:
    """What one matrix takes, in bits.

    Attributes:
        codes: of its codes, or of its plain numbers.
        scales: of all that its codes are multiplied with or added to.
        n_scales: how many scales; 0 for plain numbers.
        n_nested: how many scales of scales; 0 without double quantization.
    """

    codes: int
    scales: int
    n_scales: int = 0
    n_nested: int = 0


def stored(shape: Sequence[int], precision: Precision) -> Stored:
    """Bits of a matrix in a precision, outputs first; bitsandbytes' code books are not among them (`book_bytes`).

    >>> stored((64, 64), Precision("nf4"))
    Stored(codes=16384, scales=2048, n_scales=64, n_nested=0)
    """
    weights, numbers = precision.weights, math.prod(shape)
    codes = CODE_BITS[weights] * numbers
    if weights in DTYPES:
        return Stored(codes, 0)
    rows, columns = math.prod(shape[:-1]), shape[-1]
    if weights == "int8":
        return Stored(codes, 32 * rows, rows)
    if weights in ("nf4", "fp4"):
        blocks = -(-numbers // BLOCK_SIZES[weights])
        packed = 8 * -(-numbers // 2)
        if not precision.double_quant:
            return Stored(packed, 32 * blocks, blocks)
        nested = -(-blocks // NESTED_BLOCK)
        return Stored(packed, 8 * blocks + 32 * nested, blocks, nested)
    blocks = rows * -(-columns // BLOCK_SIZES[weights])
    whole = 32 if weights == "nvfp4" else 0
    return Stored(codes, SCALE_BITS[weights] * blocks + whole, blocks)


def book_bytes(precision: Precision) -> int:
    """Bytes that bitsandbytes keeps beside each 4-bit matrix whatever its size: what its codes stand for.

    Sixteen float32 numbers; with double quantization another 256 for the scales' codes, and their mean.
    """
    if precision.weights not in ("nf4", "fp4"):
        return 0
    return _BOOK + (_NESTED_BOOK if precision.double_quant else 0)


def bits_per_weight(precision: Precision, shape: tuple[int, int]) -> float:
    """Bits that one weight of a matrix takes with its share of the scales: 4.5 for nf4.

    >>> bits_per_weight(Precision("nf4"), (64, 64)), round(bits_per_weight(Precision("int4_g128"), (1, 128)), 5)
    (4.5, 4.15625)
    """
    found = stored(shape, precision)
    return (found.codes + found.scales) / math.prod(shape)


def itemsize(dtype: str) -> int:
    """Bytes of one number: 4 for ``"float32"``, 2 for ``"bfloat16"`` and ``"float16"``."""
    return 4 if dtype == "float32" else 2
