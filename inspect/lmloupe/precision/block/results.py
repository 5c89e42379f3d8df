"""What quantizing one block, one matrix or one product by hand gives: plain data, without torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lmloupe.model.precision import Precision

__all__ = ["DoubleQuantization", "Int8Product", "MatrixBlocks", "Origin", "QuantizationBlock"]

Origin: TypeAlias = Literal["model", "file", "none"]
"""Where original numbers were read: in the loaded model, in its file beside a quantized model, or nowhere."""


@dataclass(frozen=True, slots=True, eq=False)
class DoubleQuantization:
    """How the scale of one block is quantized itself: bitsandbytes' double quantization.

    Attributes:
        offset: float32, the mean of all scales of the matrix, which is taken from each of them.
        n_scales: scales that the matrix has.
        block: which block of 256 scales this one lies in, from 0.
        place: its place in that block, from 0.
        scales: float32 (m,), the scales of that block, m at most 256.
        shifted: float32 (m,), each minus the offset.
        second_absmax: float32, the largest magnitude among the shifted; it is stored as it is.
        scaled: float32 (m,), shifted times 1 / ``second_absmax``.
        levels: float32 (256,), what a code stands for: the signed dynamic map, ascending.
        codes: uint8 (m,), the code of each scale: one byte.
        back: float32 (m,), level times ``second_absmax`` plus offset.
    """

    offset: float
    n_scales: int
    block: int
    place: int
    scales: NDArray[np.float32] = field(repr=False)
    shifted: NDArray[np.float32] = field(repr=False)
    second_absmax: float
    scaled: NDArray[np.float32] = field(repr=False)
    levels: NDArray[np.float32] = field(repr=False)
    codes: NDArray[np.uint8] = field(repr=False)
    back: NDArray[np.float32] = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class QuantizationBlock:
    """The weights of one block and every number between each of them and what comes back.

    Arrays have one entry a weight, in the order in which they are stored. Of a quantized model whose original numbers
    are not kept, ``values``, ``scaled`` and ``errors`` are empty.

    Attributes:
        module: path of the module.
        precision: the format.
        shape: rows and columns of the whole matrix, outputs first.
        row, block: as asked for, from 0.
        n_blocks: blocks that hold a weight of this row.
        is_whole: it has as many weights as blocks of the format have. The last block of a matrix may be shorter: nf4
            and fp4 divide such a one by ``absmax``, where they multiply others with 1 / ``absmax``.
        rows, columns: int64 (n,), where each weight is in the matrix.
        values: float32 (n,), the weights.
        absmax: float32, the largest magnitude among the weights that share the scale.
        divisor: float32, what a weight is divided by: ``absmax`` for nf4 and fp4, ``absmax`` / 127 for int8, the scale
            before it is rounded for storage for Q4_0 and Q8_0, else ``scale``.
        scale: float32, what a level is multiplied with to come back, as stored: after double quantization the scale
            that comes back of it; for NVFP4 its own times that of the matrix.
        shared_by: weights that share the scale: the block, for int8 the row.
        zero: the code that stands for 0 in Q4_0 and int4, else 0.
        scaled: float32 (n,), what is compared with the levels.
        levels: float32 (k,), what a code stands for before it is multiplied with ``scale``, ascending.
        level_codes: int16 (k,), the code of each level.
        codes: int16 (n,), what is stored for each weight.
        chosen: float32 (n,), the level of each code.
        back: float32 (n,), level times scale.
        errors: float32 (n,), ``back`` minus ``values``.
        packed: uint8 (b,), the bytes as they are stored; empty where the format leaves their order open.
        byte_of: int64 (n,), which of these bytes a weight is in.
        in_high: bool (n,), whether it is the upper four bits of that byte.
        double: how the scale is quantized in turn; None without double quantization.
        tensor_scale: NVFP4's one scale of the whole matrix; 1.0 for others.
        bits: of one weight of this matrix with its share of the scales.
        scale_bits: of these, how many are the scales'.
        origin: where ``values`` come from.
        is_stored: codes are those that the loaded model holds; else this is what it would hold.
        agrees: bitsandbytes' own functions give, or the loaded model holds, the same codes and scales; None for a
            simulated format, or without original numbers.
        notes: what else a person should know, in plain sentences.
    """

    module: str
    precision: Precision
    shape: tuple[int, int]
    row: int
    block: int
    n_blocks: int
    is_whole: bool
    rows: NDArray[np.int64] = field(repr=False)
    columns: NDArray[np.int64] = field(repr=False)
    values: NDArray[np.float32] = field(repr=False)
    absmax: float
    divisor: float
    scale: float
    shared_by: int
    zero: int
    scaled: NDArray[np.float32] = field(repr=False)
    levels: NDArray[np.float32] = field(repr=False)
    level_codes: NDArray[np.int16] = field(repr=False)
    codes: NDArray[np.int16] = field(repr=False)
    chosen: NDArray[np.float32] = field(repr=False)
    back: NDArray[np.float32] = field(repr=False)
    errors: NDArray[np.float32] = field(repr=False)
    packed: NDArray[np.uint8] = field(repr=False)
    byte_of: NDArray[np.int64] = field(repr=False)
    in_high: NDArray[np.bool_] = field(repr=False)
    double: DoubleQuantization | None = field(repr=False)
    tensor_scale: float
    bits: float
    scale_bits: float
    origin: Origin
    is_stored: bool
    agrees: bool | None
    notes: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class MatrixBlocks:
    """Every block of one matrix in a few numbers; see `matrix_blocks`.

    Attributes:
        module: path of the module.
        precision: the format.
        shape: rows and columns of the matrix.
        places: int64 (n, 2), row and block of each, as `quantization_block` takes them.
        absmax: float32 (n,), the largest magnitude in each.
        errors: float32 (n,), the largest magnitude of an error in each.
        edges: float32 (bins + 1,), bounds on the axis of the levels, half open but for the last.
        counts: int64 (bins,), scaled weights of the whole matrix in each.
        levels: float32 (k,), as in `QuantizationBlock`.
        level_counts: int64 (k,), weights of the whole matrix that are stored as each.
        relative_error: root of the summed squares of all errors over that of all weights.
    """

    module: str
    precision: Precision
    shape: tuple[int, int]
    places: NDArray[np.int64] = field(repr=False)
    absmax: NDArray[np.float32] = field(repr=False)
    errors: NDArray[np.float32] = field(repr=False)
    edges: NDArray[np.float32] = field(repr=False)
    counts: NDArray[np.int64] = field(repr=False)
    levels: NDArray[np.float32] = field(repr=False)
    level_counts: NDArray[np.int64] = field(repr=False)
    relative_error: float

    @property
    def with_largest_error(self) -> tuple[int, int]:
        """Row and block of the largest error; the first of equals."""
        return self._place(int(self.errors.argmax()))

    @property
    def with_largest_weight(self) -> tuple[int, int]:
        """Row and block of the weight of greatest magnitude; the first of equals."""
        return self._place(int(self.absmax.argmax()))

    def _place(self, i: int) -> tuple[int, int]:
        return int(self.places[i, 0]), int(self.places[i, 1])


@dataclass(frozen=True, slots=True, eq=False)
class Int8Product:
    """One product of LLM.int8() on one text, with outlier columns in floating point and without; see `int8_product`.

    Relative errors are the root of the summed squares of the differences over that of the exact product.

    Attributes:
        module: path of the module.
        input_ids: int32 (n,), the text.
        threshold: from which magnitude on an input column goes through the float path.
        outliers: int64 (k,), those columns.
        largest: float32 (columns,), the largest magnitude in each input column.
        row_scales: float32 (n,), the largest magnitude of each token's inputs without those columns: over 127 it is
            the step in which the token's other inputs are rounded.
        row_scales_all: float32 (n,), the same with them.
        error: relative error of bitsandbytes' product, outliers in floating point.
        error_all_int8: relative error of the same product with no column taken out.
        error_of_weights: relative error of a product whose weights alone are int8.
        token_errors, token_errors_all_int8: float32 (n,), the first two for each token; 0 for a product of zeros.
    """

    module: str
    input_ids: NDArray[np.int32]
    threshold: float
    outliers: NDArray[np.int64]
    largest: NDArray[np.float32] = field(repr=False)
    row_scales: NDArray[np.float32] = field(repr=False)
    row_scales_all: NDArray[np.float32] = field(repr=False)
    error: float
    error_all_int8: float
    error_of_weights: float
    token_errors: NDArray[np.float32] = field(repr=False)
    token_errors_all_int8: NDArray[np.float32] = field(repr=False)
