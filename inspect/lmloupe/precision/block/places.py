"""Which weights share a block: counted through the whole matrix by bitsandbytes, from each row's start by others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmloupe.errors import InvalidSettingError
from lmloupe.model.precision import BLOCK_SIZES, Weights

__all__ = ["INT8_SHOWN", "Place", "blocks_in_row", "place_of", "row_and_block"]

INT8_SHOWN = 64
"""Of a row of int8, which has one scale, so many weights are worked at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A block in its matrix.

    Attributes:
        first, n: its first weight, counted through the matrix row by row, and how many it has.
        number: which block of its kind it is: of the matrix for nf4 and fp4, of the row for others.
        n_blocks: blocks that hold a weight of the row.
        whole: it has as many weights as the format's blocks have.
        rows, columns: int64 (n,), where its weights are.
    """

    first: int
    n: int
    number: int
    n_blocks: int
    whole: bool
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]


def blocks_in_row(width: int, row: int, weights: Weights, size: int = 0) -> int:
    """How many blocks hold a weight of a row.

    >>> blocks_in_row(96, 0, "nf4"), blocks_in_row(96, 1, "nf4"), blocks_in_row(96, 1, "q4_0")
    (2, 2, 3)
    """
    size = size or BLOCK_SIZES.get(weights, INT8_SHOWN)
    if weights not in ("nf4", "fp4"):
        return -(-width // size)
    return -(-(row + 1) * width // size) - row * width // size


def place_of(module: str, shape: tuple[int, int], row: int, block: int, weights: Weights, size: int = 0) -> Place:
    """The block of a row, from 0; ``size`` where a checkpoint has another block size than the usual.

    Raises:
        InvalidSettingError: no such row or block.
    """
    n_rows, width = shape
    if not 0 <= row < n_rows:
        raise InvalidSettingError(f"Row {row} is not there: the rows of {module} go from 0 to {n_rows - 1}.")
    size = size or BLOCK_SIZES.get(weights, INT8_SHOWN)
    n_blocks = blocks_in_row(width, row, weights, size)
    if weights in ("nf4", "fp4"):
        earliest, total = row * width // size, n_rows * width
        number = earliest + block
        first, end = number * size, min(total, (number + 1) * size)
    else:
        number = block
        first, end = row * width + block * size, row * width + min(width, (block + 1) * size)
    if not 0 <= block < n_blocks:
        raise InvalidSettingError(
            f"Block {block} is not there: the {weights} blocks of row {row} of {module} go from 0 to {n_blocks - 1}."
        )
    flat = np.arange(first, end, dtype=np.int64)
    return Place(first, end - first, number, n_blocks, end - first == size, flat // width, flat % width)


def row_and_block(shape: tuple[int, int], number: int, weights: Weights, size: int = 0) -> tuple[int, int]:
    """Row and block, as `place_of` takes them, of a block that is counted through the whole matrix.

    >>> row_and_block((4, 96), 2, "nf4"), row_and_block((4, 96), 4, "q4_0")
    ((1, 1), (1, 1))
    """
    width = shape[1]
    size = size or BLOCK_SIZES.get(weights, INT8_SHOWN)
    if weights not in ("nf4", "fp4"):
        return divmod(number, -(-width // size))
    row = number * size // width
    return row, number - row * width // size
