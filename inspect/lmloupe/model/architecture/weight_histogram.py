"""Counts of a weight's numbers, dequantized piece by piece."""

from __future__ import annotations

import copy
import math
from collections.abc import Generator, Iterator
from typing import Any

import bitsandbytes.functional as bnb
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from lmloupe.errors import NotFiniteError
from lmloupe.model.architecture.results import Histogram

__all__ = ["dequantized_pieces", "histogram_in_steps"]

_PIECE = 1 << 22
_CPU_ROWS = 32
"""bitsandbytes packs that many rows together for CPUs with AVX512-BF16."""


def dequantized_pieces(module: nn.Module, leaf: str = "weight", *, scaled: bool = True) -> Iterator[torch.Tensor]:
    """The numbers of a module's parameter as it multiplies with them, about four million at a time, float32 (n,).

    4-bit weights are what ``dequantize_4bit`` gives, 8-bit ones the whole number times its row's scale. Not ``scaled``,
    4-bit weights are what their codes stand for, -1 to 1.
    """
    weight: Any = getattr(module, leaf)
    state = getattr(weight, "quant_state", None)
    if state is not None:
        yield from _four_bit(weight.data, state, scaled=scaled)
        return
    rows = weight.data.reshape(1, -1) if weight.ndim < 2 else weight.data.flatten(1)
    size = max(1, _PIECE // max(1, rows.shape[1]))
    scales = _int8_scales(module) if leaf == "weight" else None
    for first in range(0, len(rows), size):
        part = rows[first : first + size]
        if scales is not None:
            part = bnb.int8_vectorwise_dequant(part, scales[first : first + size])
        yield part.float().flatten()


def _int8_scales(module: nn.Module) -> torch.Tensor | None:
    weight: Any = module.weight
    if weight.dtype != torch.int8:
        return None
    scales = getattr(weight, "SCB", None)
    found: torch.Tensor | None = scales if scales is not None else module.state.SCB  # type: ignore[union-attr, assignment]
    return found


def _four_bit(packed: torch.Tensor, state: Any, *, scaled: bool) -> Iterator[torch.Tensor]:
    if getattr(state, "packing_format_for_cpu", False):
        yield from _packed_for_cpu(packed, state, scaled=scaled)
        return
    scales = state.absmax
    if state.nested:  # the scales are quantized in turn
        scales = bnb.dequantize_blockwise(state.absmax, state.state2) + state.offset
    total, block = math.prod(state.shape), state.blocksize
    flat, scales = packed.view(torch.uint8).reshape(-1), scales.float() if scaled else torch.ones_like(scales.float())
    size = max(1, _PIECE // block) * block
    for first in range(0, total, size):
        n = min(size, total - first)
        part = flat[first // 2 : (first + n + 1) // 2]
        yield _dequantized(part, scales[first // block : -(-(first + n) // block)], n, state)


def _dequantized(packed: torch.Tensor, scales: torch.Tensor, n: int, like: Any) -> torch.Tensor:
    kind: Any = bnb.QuantState
    state = kind(
        absmax=scales, shape=torch.Size((n,)), dtype=like.dtype, blocksize=like.blocksize, quant_type=like.quant_type
    )
    return bnb.dequantize_4bit(packed.reshape(-1, 1), state).float().flatten()


def _packed_for_cpu(packed: torch.Tensor, state: Any, *, scaled: bool) -> Iterator[torch.Tensor]:
    """The layout that a first forward pass leaves on a CPU with AVX512-BF16: unpacked a few rows at a time."""
    n_rows, width = state.shape
    size = max(1, _PIECE // (width * _CPU_ROWS)) * _CPU_ROWS
    for first in range(0, n_rows, size):
        last = min(n_rows, first + size)
        part = copy.copy(state)
        part.shape = torch.Size((last - first, width))
        part.original_qshape = torch.Size(((last - first) * width // 2, 1))
        part.original_storage_type, part.original_nested = None, False
        flat, _ = bnb._convert_weight_packed_for_cpu_inverse(packed[first:last], part)
        scales = state.absmax[:, first:last].T.reshape(-1).float()
        scales = scales if scaled else torch.ones_like(scales)
        part.dtype = torch.float32
        yield _dequantized(flat, scales, (last - first) * width, part)


def histogram_in_steps(
    module: nn.Module, name: str, dtype: str, bins: int, leaf: str = "weight"
) -> Iterator[Histogram | None]:
    """Two rounds over the weight, bounds and moments first, then the counts; None after each piece, then the result."""
    low, high, n, mean, squares = math.inf, -math.inf, 0, 0.0, 0.0
    for piece in dequantized_pieces(module, leaf):
        low, high = min(low, float(piece.min())), max(high, float(piece.max()))
        variance, centre = torch.var_mean(piece, correction=0)
        # Moments of parts put together (Chan, Golub and LeVeque, 1983): nothing cancels.
        m, distance = len(piece), float(centre) - mean
        squares += float(variance) * m + distance**2 * n * m / (n + m)
        mean, n = mean + distance * m / (n + m), n + m
        yield None
    if not math.isfinite(low) or not math.isfinite(high) or not math.isfinite(squares):
        raise NotFiniteError(
            f"The weights of {name} hold NaN or infinite values, as a broken quantization leaves, and have no "
            "histogram: load the model with quantization none, or download it again."
        )
    edges = _edges(low, high, bins)
    counts = np.zeros(bins, np.int64)
    for piece in dequantized_pieces(module, leaf):
        bounds = torch.from_numpy(edges[1:-1]).to(piece.device)
        found = torch.bucketize(piece, bounds, right=True)
        counts += torch.bincount(found, minlength=bins).cpu().numpy()
        yield None
    levels, level_counts = yield from _level_counts(module, leaf)
    yield Histogram(
        name=name,
        parameter=leaf,
        edges=edges,
        counts=counts,
        mean=mean,
        std=math.sqrt(squares / n),
        min=low,
        max=high,
        n=n,
        dtype=dtype,
        levels=levels,
        level_counts=level_counts,
        block_size=0 if len(levels) == 0 else int(getattr(module, leaf).quant_state.blocksize),
    )


def _level_counts(module: nn.Module, leaf: str) -> Generator[None, None, tuple[NDArray[np.float32], NDArray[np.int64]]]:
    """The values of 4-bit codes, ascending, and how many numbers are stored as each; empty for other weights."""
    state = getattr(getattr(module, leaf), "quant_state", None)
    if state is None:
        return np.empty(0, np.float32), np.empty(0, np.int64)
    levels = state.code.float().cpu().unique()  # ascending; fp4 has a zero with each sign
    counts = np.zeros(len(levels), np.int64)
    for piece in dequantized_pieces(module, leaf, scaled=False):
        bounds = ((levels[1:] + levels[:-1]) / 2).to(piece.device)
        counts += torch.bincount(torch.bucketize(piece, bounds), minlength=len(levels)).cpu().numpy()
        yield None
    return levels.numpy(), counts


def _edges(low: float, high: float, bins: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    edges = np.linspace(low, high, bins + 1, dtype=np.float32)
    if (np.diff(edges) <= 0).any():  # all numbers are one, or closer than float32 can part them
        centre, reach = (low + high) / 2, max(0.5, abs(low) * 1e-3)
        edges = np.linspace(centre - reach, centre + reach, bins + 1, dtype=np.float32)
    return edges
