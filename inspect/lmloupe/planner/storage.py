"""Bits that a matrix takes in a format: its codes, and the scales that the codes are multiplied with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lmloupe.model.precision import BLOCK_SIZES, DTYPES, Precision, Weights

__all__ = ["NESTED_BLOCK", "Format", "Stored", "bits_per_weight", "format_of", "itemsize", "stored"]

NESTED_BLOCK = 256
"""How many scales of bitsandbytes share a scale of scales, with double quantization."""


@dataclass(frozen=True, slots=True)
class Format:
    """How a matrix is stored in few bits.

    Attributes:
        label: for people, ``"nf4, double quantization"``.
        bits: of one code.
        block: codes of a row that share a scale; 0 for whole rows.
        scale_bits: of a scale, with the zero point where there is one.
        rows: rows that share their scales; 1 but for formats whose blocks are tiles.
        flat: blocks run on over the ends of rows.
        nested: scales are in blocks of `NESTED_BLOCK` that share a float32 scale.
        whole_bits: beside all that, for the matrix as a whole.
        column_bits: beside all that, for each of its columns.
        book_bytes: tables of what codes stand for, which each matrix has for itself whatever its size: bitsandbytes
            keeps 16 float32 numbers, with double quantization another 256 for the scales' codes, and their mean.
    """

    label: str
    bits: int
    block: int
    scale_bits: int
    rows: int = 1
    flat: bool = False
    nested: bool = False
    whole_bits: int = 0
    column_bits: int = 0
    book_bytes: int = 0


_FORMATS: dict[Weights, Format] = {
    "int8": Format("", 8, 0, 32),
    "nf4": Format("", 4, BLOCK_SIZES["nf4"], 32, flat=True, book_bytes=64),
    "fp4": Format("", 4, BLOCK_SIZES["fp4"], 32, flat=True, book_bytes=64),
    "q4_0": Format("", 4, BLOCK_SIZES["q4_0"], 16),
    "q8_0": Format("", 8, BLOCK_SIZES["q8_0"], 16),
    "mxfp4": Format("", 4, BLOCK_SIZES["mxfp4"], 8),
    "nvfp4": Format("", 4, BLOCK_SIZES["nvfp4"], 8, whole_bits=32),
    "int4_g128": Format("", 4, BLOCK_SIZES["int4_g128"], 16 + 4),
}


def format_of(precision: Precision) -> Format | None:
    """How a precision stores a matrix; None for plain numbers.

    >>> format_of(Precision("q8_0"))
    Format(label='Q8_0 (simulated)', bits=8, block=32, scale_bits=16, rows=1, flat=False, nested=False, whole_bits=0,
           column_bits=0, book_bytes=0)
    """
    if precision.weights in DTYPES:
        return None
    found = replace(_FORMATS[precision.weights], label=precision.label)
    if not precision.double_quant:
        return found
    return replace(found, scale_bits=8, nested=True, book_bytes=found.book_bytes + 256 * 4 + 4)


@dataclass(frozen=True, slots=True)
class Stored:
    """What one matrix takes, in bits.

    Attributes:
        codes: of its codes.
        scales: of all that its codes are multiplied with or added to.
        n_scales: how many scales.
        n_nested: how many scales of scales; 0 without double quantization.
    """

    codes: int
    scales: int
    n_scales: int
    n_nested: int


def stored(shape: Sequence[int], found: Format) -> Stored:
    """Bits of a matrix in a format, outputs first; tables of what codes stand for are not among them.

    A tensor of more than two dimensions is as many matrices as the first ones say (experts).

    >>> stored((64, 64), format_of(Precision("nf4")))
    Stored(codes=16384, scales=2048, n_scales=64, n_nested=0)
    """
    numbers, (rows, columns) = math.prod(shape), (shape[-2], shape[-1])
    matrices = math.prod(shape[:-2])
    if found.flat:
        scales = -(-numbers // found.block)
        codes = 8 * -(-found.bits * numbers // 8)  # packed as one run of codes
    else:
        scales = matrices * -(-rows // found.rows) * -(-columns // (found.block or columns))
        codes = found.bits * numbers
    nested = -(-scales // NESTED_BLOCK) if found.nested else 0
    beside = matrices * (found.whole_bits + columns * found.column_bits)
    return Stored(codes, found.scale_bits * scales + 32 * nested + beside, scales, nested)


def bits_per_weight(precision: Precision, shape: tuple[int, int]) -> float:
    """Bits that one weight of a matrix takes with its share of the scales: 4.5 for nf4.

    >>> bits_per_weight(Precision("nf4"), (64, 64)), round(bits_per_weight(Precision("int4_g128"), (1, 128)), 5)
    (4.5, 4.15625)
    """
    found = format_of(precision)
    if found is None:
        return 8.0 * itemsize(precision.weights)
    bits = stored(shape, found)
    return (bits.codes + bits.scales) / math.prod(shape)


def itemsize(dtype: str) -> int:
    """Bytes of one number: 4 for ``"float32"``, 2 for ``"bfloat16"`` and ``"float16"``."""
    return 4 if dtype == "float32" else 2
