"""What a quantized module holds for a part of its weight: codes, scales and bytes in bitsandbytes' own order."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import bitsandbytes.functional as bnb
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

__all__ = ["Stored", "stored_four_bit", "stored_int8", "stored_kind"]

_CPU_ROWS = 32
"""bitsandbytes packs that many rows together for CPUs with AVX512-BF16."""


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """Codes of a part of a weight, and its scale.

    Attributes:
        codes: int16 (n,).
        absmax: the scale of the block or row as the module multiplies with it.
        packed: uint8 (b,), the bytes in bitsandbytes' own order; of a weight that a CPU has laid out anew, unpacked by
            bitsandbytes' own function and packed again.
        laid_anew: the weight was laid out anew at the first pass, with scales in bfloat16 and no second scales.
        scales: float32 (m,), of a double-quantized weight what its scales come back as; None otherwise.
        scale_codes: uint8 (m,), their codes.
        second_absmax: float32 (k,), of each block of 256 of them.
        offset: what was taken off all scales; 0 without double quantization.
    """

    codes: NDArray[np.int16]
    absmax: float
    packed: NDArray[np.uint8]
    laid_anew: bool = False
    scales: NDArray[np.float32] | None = None
    scale_codes: NDArray[np.uint8] | None = None
    second_absmax: NDArray[np.float32] | None = None
    offset: float = 0.0


def stored_kind(module: nn.Module) -> tuple[str, bool, int]:
    """How a module's weight is stored: ``"nf4"``, ``"fp4"``, ``"int8"`` or ``""``; double or not; weights a scale."""
    weight: Any = module.weight
    state = getattr(weight, "quant_state", None)
    if state is not None:
        # Laid out anew, the second scales are gone; that there were some is kept.
        double = bool(state.nested or getattr(state, "original_nested", False))
        return str(state.quant_type), double, int(state.blocksize)
    return ("int8", False, int(weight.shape[1])) if weight.dtype == torch.int8 else ("", False, 0)


def stored_four_bit(module: nn.Module, first: int, n: int) -> Stored:
    """``n`` weights from flat place ``first`` on, the beginning of a block; to be called in the worker's thread."""
    weight: Any = module.weight
    state = weight.quant_state
    block = first // state.blocksize
    if getattr(state, "packing_format_for_cpu", False):
        packed, absmax = _laid_anew(weight.data, state, first, n)
        return Stored(_codes(packed, n), absmax, packed, laid_anew=True, offset=_float(state.offset))
    packed = weight.data.view(torch.uint8).reshape(-1)[first // 2 : (first + n + 1) // 2].cpu().numpy()
    if not state.nested:
        return Stored(_codes(packed, n), float(state.absmax[block]), packed)
    second: Any = state.state2
    scales = bnb.dequantize_blockwise(state.absmax, second) + state.offset
    return Stored(
        codes=_codes(packed, n),
        absmax=float(scales[block]),
        packed=packed,
        scales=scales.float().cpu().numpy(),
        scale_codes=state.absmax.cpu().numpy(),
        second_absmax=second.absmax.float().cpu().numpy(),
        offset=_float(state.offset),
    )


def stored_int8(module: nn.Module, row: int, first: int, n: int) -> Stored:
    """``n`` weights of a row from column ``first`` on; to be called in the worker's thread."""
    weight: Any = module.weight
    scales = getattr(weight, "SCB", None)
    if scales is None:
        state: Any = module.state
        scales = state.SCB
    codes = weight.data[row, first : first + n].cpu().numpy()
    return Stored(codes.astype(np.int16), float(scales[row]), codes.view(np.uint8))


def _codes(packed: NDArray[np.uint8], n: int) -> NDArray[np.int16]:
    """Two codes a byte, the first in the upper four bits."""
    return np.stack([packed >> 4, packed & 15], axis=1).reshape(-1)[:n].astype(np.int16)


def _laid_anew(packed: torch.Tensor, state: Any, first: int, n: int) -> tuple[NDArray[np.uint8], float]:
    width = state.shape[1]
    group = first // width // _CPU_ROWS * _CPU_ROWS
    last = min(state.shape[0], -(-(first + n) // width // _CPU_ROWS) * _CPU_ROWS + _CPU_ROWS)
    part = copy.copy(state)
    part.shape = torch.Size((last - group, width))
    part.original_qshape = torch.Size(((last - group) * width // 2, 1))
    part.original_storage_type, part.original_nested = None, False
    unpacked, _ = bnb._convert_weight_packed_for_cpu_inverse(packed[group:last], part)
    begin = (first - group * width) // 2
    row, block = divmod(first // state.blocksize, width // state.blocksize)
    return unpacked.reshape(-1)[begin : begin + (n + 1) // 2].numpy(), float(state.absmax[block, row])


def _float(value: Any) -> float:
    return 0.0 if value is None else float(value)
