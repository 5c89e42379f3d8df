"""Every block of one matrix: how large, how wrong, and where its scaled weights lie between the levels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from lmloupe.errors import InvalidSettingError, NotAvailableError, NotFiniteError
from lmloupe.model.local import LocalEngine
from lmloupe.model.precision import BLOCK_SIZES, Precision, Weights
from lmloupe.precision.block.arithmetic import table
from lmloupe.precision.block.numbers import Numbers, numbers_of, way_to_numbers
from lmloupe.precision.block.places import INT8_SHOWN, row_and_block
from lmloupe.precision.block.results import MatrixBlocks
from lmloupe.precision.block.scales import absmaxes, doubled, flat_pieces, largest_of
from lmloupe.precision.block.work import quantized_precision
from lmloupe.precision.simulated import levels, worked

__all__ = ["matrix_blocks"]

_MOST_BINS = 1000
_LEAST = np.float32(1e-38)
_INT8_BACK = np.float32(7.874015718698502e-3)
Floats = NDArray[np.float32]


class _Piece(NamedTuple):
    """Some blocks: per block absmax and largest error, per weight its scaled number and the place of its level."""

    absmax: Floats
    errors: Floats
    scaled: Floats
    places: NDArray[np.int64]
    squares: tuple[float, float]


def matrix_blocks(
    engine: LocalEngine, module: str, precision: Precision | str = "nf4", bins: int = 120
) -> MatrixBlocks:
    """Quantize every block of one matrix, by the arithmetic of `quantization_block`, and count.

    The histogram is of the weights as they are compared with the levels: nf4 and fp4 divide each by the largest
    magnitude of its block, so that it runs from -1 to 1. For int4 the zero point is added, so that it runs over the
    codes 0 to 15.

    Args:
        engine: a model in this process.
        module: as for `quantization_block`.
        precision: as there.
        bins: 1 to 1,000, of equal width.

    Raises:
        NotAvailableError: the model is quantized, and the original numbers are not kept on this machine.
        LoupeError: as for `quantization_block`.
    """
    chosen = quantized_precision(precision)
    if not 1 <= bins <= _MOST_BINS:
        raise InvalidSettingError(f"bins is {bins}; it must be 1 to {_MOST_BINS:,}.")
    numbers = numbers_of(engine, module)
    if numbers is None:
        raise NotAvailableError(
            f"The original numbers of {module} are not kept on this machine, so the errors of its blocks cannot be "
            f"said: {way_to_numbers(engine)}."
        )
    known = _levels(chosen.weights)
    low, high = (0.0, 15.0) if chosen.weights == "int4_g128" else (-float(abs(known).max()), float(abs(known).max()))
    edges = np.linspace(low, high, bins + 1, dtype=np.float32)
    counts, level_counts = np.zeros(bins, np.int64), np.zeros(len(known), np.int64)
    absmax, errors, wrong, total = [], [], 0.0, 0.0
    for piece in _pieces(engine, numbers, chosen, known):
        absmax.append(piece.absmax)
        errors.append(piece.errors)
        counts += np.histogram(np.clip(piece.scaled, edges[0], edges[-1]), edges)[0]
        level_counts += np.bincount(piece.places.reshape(-1), minlength=len(known))
        wrong, total = wrong + piece.squares[0], total + piece.squares[1]
    found = np.concatenate(errors)
    if not np.isfinite(found).all():
        raise NotFiniteError(f"The weights of {module} hold NaN or infinite numbers, which no format can scale.")
    places = [row_and_block(numbers.shape, i, chosen.weights) for i in range(len(found))]
    return MatrixBlocks(
        module=module,
        precision=chosen,
        shape=numbers.shape,
        places=np.array(places, np.int64).reshape(-1, 2),
        absmax=np.concatenate(absmax),
        errors=found,
        edges=edges,
        counts=counts,
        levels=known,
        level_counts=level_counts,
        relative_error=float(np.sqrt(wrong / total)) if total else 0.0,
    )


def _levels(weights: Weights) -> Floats:
    if weights in ("nf4", "fp4"):
        return table(weights).levels
    if weights == "int8":
        return np.arange(-127, 128, dtype=np.float32)
    return levels(weights, 8 if weights == "q4_0" else 0)[0]


def _pieces(engine: LocalEngine, numbers: Numbers, precision: Precision, known: Floats) -> Iterator[_Piece]:
    weights = precision.weights
    if weights in ("nf4", "fp4"):
        size = BLOCK_SIZES[weights]
        scales = absmaxes(numbers, size)
        back = scales
        if precision.double_quant:
            back = _all_back(scales, on_cpu=engine.describe().device == "cpu")
        at = 0
        for _, rows in flat_pieces(numbers, size):
            n = -(-rows.size // size)
            yield _four_bit(rows.reshape(-1), scales[at : at + n], back[at : at + n], known, size)
            at += n
        return
    largest = largest_of(numbers) if weights == "nvfp4" else None
    for _, rows in flat_pieces(numbers, 1):
        yield _int8(rows) if weights == "int8" else _simulated(rows, weights, largest, known)


def _all_back(scales: Floats, *, on_cpu: bool) -> Floats:
    """All scales as they come back of double quantization."""
    return np.concatenate([doubled(scales, first, on_cpu=on_cpu).back for first in range(0, len(scales), 256)])


def _four_bit(flat: Floats, absmax: Floats, back: Floats, known: Floats, size: int) -> _Piece:
    n = len(flat)
    divisors = np.maximum(absmax, _LEAST)
    inverse: Floats = (np.float32(1) / divisors).astype(np.float32)
    scaled: Floats = (flat * np.repeat(inverse, size)[:n]).astype(np.float32)
    if rest := n % size:
        scaled[-rest:] = flat[-rest:] / divisors[-1]
    scaled = np.clip(scaled, np.float32(-1), np.float32(1))
    places = np.searchsorted((known[:-1] + known[1:]) / np.float32(2), scaled, side="left")
    wrong = known[places] * np.repeat(back, size)[:n] - flat
    padded = np.pad(np.abs(wrong), (0, -n % size)).reshape(-1, size)
    return _Piece(absmax, padded.max(1).astype(np.float32), scaled, places, _squares(wrong, flat))


def _int8(rows: Floats) -> _Piece:
    with np.errstate(over="ignore", invalid="ignore"):
        half = rows.astype(np.float16).astype(np.float32)
        absmax = np.abs(half).max(1, keepdims=True)
        # As in `int8`; 0 for a row of zeros.
        inverse = np.float32(1) / np.where(absmax == 0, np.float32(np.inf), absmax) * np.float32(127)
        scaled: Floats = (half * inverse).astype(np.float32)
        codes = np.rint(scaled)
        wrong = codes * absmax * _INT8_BACK - rows
        places = np.nan_to_num(codes).astype(np.int64) + 127
    return _Piece(
        _by_block(rows, INT8_SHOWN), _by_block(wrong, INT8_SHOWN), scaled, places, _squares(wrong, rows)
    )  # fmt: skip


def _simulated(rows: Floats, weights: Weights, largest: float | None, known: Floats) -> _Piece:
    found = worked(torch.from_numpy(rows), weights, largest)
    size, width = BLOCK_SIZES[weights], rows.shape[1]
    scaled, codes, values = (
        part.reshape(len(rows), -1)[:, :width].numpy() for part in (found.scaled, found.codes, found.values)
    )
    if weights == "int4_g128":
        scaled += np.repeat(found.zeros[..., 0].numpy(), size, axis=1)[:, :width]
        places = codes.astype(np.int64)
    elif weights in ("mxfp4", "nvfp4"):
        size_of = codes.astype(np.int64)
        places = np.where(size_of >= 8, 7 - (size_of - 8), 7 + size_of)  # ascending levels: seven below zero
    else:
        places = codes.astype(np.int64) - int(codes.dtype.type(0 if weights == "q4_0" else -127))
    wrong = values - rows
    return _Piece(_by_block(rows, size), _by_block(wrong, size), scaled, places, _squares(wrong, rows))


def _by_block(rows: Floats, size: int) -> Floats:
    """The largest magnitude in each block of each row, float32 (n,)."""
    padded = np.pad(np.abs(rows), ((0, 0), (0, -rows.shape[1] % size)))
    largest: Floats = padded.reshape(len(rows), -1, size).max(-1).reshape(-1).astype(np.float32)
    return largest


def _squares(wrong: Floats, numbers: Floats) -> tuple[float, float]:
    return float((wrong.astype(np.float64) ** 2).sum()), float((numbers.astype(np.float64) ** 2).sum())
