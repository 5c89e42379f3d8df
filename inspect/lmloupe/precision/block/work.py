"""Work one block of a model's matrix by hand, and compare it with what bitsandbytes stores."""

from __future__ import annotations

from typing import Any, cast

import bitsandbytes.functional as bnb
import numpy as np
import torch
from numpy.typing import NDArray

from lmloupe.errors import InvalidSettingError, NotAvailableError, NotFiniteError
from lmloupe.model.local import LocalEngine
from lmloupe.model.precision import DTYPES, Precision
from lmloupe.precision.block.arithmetic import FourBit, four_bit, int8, table
from lmloupe.precision.block.asked import NONE, Asked, ask
from lmloupe.precision.block.numbers import way_to_numbers
from lmloupe.precision.block.other_formats import work_simulated
from lmloupe.precision.block.results import DoubleQuantization, QuantizationBlock
from lmloupe.precision.block.scales import absmaxes, doubled, doubled_as_stored
from lmloupe.precision.block.stored import Stored

__all__ = ["quantization_block", "quantized_precision"]

_INT8_BACK = np.float32(7.874015718698502e-3)  # bitsandbytes' 1 / 127


def quantization_block(
    engine: LocalEngine, module: str, row: int, block: int, precision: Precision | str = "nf4"
) -> QuantizationBlock:
    """One block of a matrix, quantized by hand: every number between each weight and what comes back of it.

    The steps are ours, in NumPy; for nf4, fp4 and int8 they give bitsandbytes' codes and scales bit for bit, and
    `QuantizationBlock.agrees` says whether they did here: against the codes that a quantized model holds, else against
    bitsandbytes' own functions. nf4 and fp4 after Dettmers et al., "QLoRA" (2023), int8 after "LLM.int8()" (2022);
    the sources of the other formats are in `simulate`.

    Blocks of nf4 and fp4 have 64 weights and run on over the ends of rows; those of other formats begin at each row.
    int8 has one scale a row: of it, 64 columns are worked at once.

    Args:
        engine: a model in this process. Of a quantized one the stored codes are shown in its own format, and its
            original numbers are read from its safetensors file where that is on this machine.
        module: a name of ``describe().modules`` with a weight matrix, whether bitsandbytes would quantize it or not.
        row: of the matrix, outputs first, from 0.
        block: of the row, from 0.
        precision: a quantized or simulated format.

    Raises:
        InvalidSettingError: no such module, row or block; a module without a weight; a format without blocks.
        NotAvailableError: the model is quantized, another format is asked for, and the original numbers are not kept.
        NotFiniteError: a weight is NaN or infinite.

    >>> import lmloupe as lm
    >>> found = lm.quantization_block(lm.load_engine(), "model.layers.0.self_attn.q_proj", row=0, block=0)
    >>> found.codes[:4].tolist(), found.packed[:2].tolist(), found.agrees  # two codes a byte
    ([6, 9, 6, 1], [105, 97], True)
    """
    chosen = quantized_precision(precision)
    asked = ask(engine, module, row, block, chosen)
    if asked.numbers is None and asked.held is None:
        raise NotAvailableError(
            f"{module} is stored quantized, and its original numbers, from which {chosen.label} is worked, are not "
            f"kept on this machine: {way_to_numbers(engine)}."
        )
    if chosen.weights in ("nf4", "fp4"):
        return _four_bit(asked)
    return _int8(asked) if chosen.weights == "int8" else work_simulated(asked)


def quantized_precision(precision: Precision | str) -> Precision:
    """The precision, once it is one whose weights share scales."""
    chosen = Precision.parse(precision) if isinstance(precision, str) else precision
    if chosen.weights in DTYPES:
        raise InvalidSettingError(
            f"{chosen.label} has no blocks: each weight is stored by itself. Choose nf4, fp4, int8 or another format "
            "of fewer bits."
        )
    return chosen


def _four_bit(asked: Asked) -> QuantizationBlock:
    kind = cast(FourBit, asked.precision.weights)
    known, place, held, numbers = table(kind), asked.place, asked.held, asked.numbers
    absmax, scaled = np.float32(held.absmax if held else 0), NONE
    codes = held.codes if held else np.empty(0, np.int16)
    double = doubled_as_stored(held, place.number) if held else None
    agrees: bool | None = None
    if numbers is not None:
        steps = four_bit(asked.values, known.levels, whole=place.whole)
        absmax, scaled, ours = steps.absmax, steps.scaled, known.codes[steps.places]
        double = None
        if asked.precision.double_quant:
            on_cpu = asked.engine.describe().device == "cpu"
            double = doubled(absmaxes(numbers, asked.size), place.number, on_cpu=on_cpu)
        scale = absmax if double is None else double.back[double.place]
        agrees = _as_held(held, kind, ours, scale) if held else _as_bitsandbytes(asked, kind, ours, absmax, double)
        codes = codes if held else ours
    else:
        scale = absmax
    by_code = np.zeros(16, np.float32)
    by_code[known.codes] = known.levels
    chosen = by_code[codes]
    nibbles = np.append(codes, np.zeros(len(codes) % 2, np.int16)).astype(np.uint8)
    here = np.arange(place.n)
    return asked.block_of(
        absmax=float(absmax), divisor=float(absmax), scale=float(scale), scaled=scaled, levels=known.levels,
        level_codes=known.codes, codes=codes, chosen=chosen, back=chosen * np.float32(scale),
        packed=held.packed if held else (nibbles[::2] << 4) | nibbles[1::2], byte_of=here // 2, in_high=here % 2 == 0,
        double=double, agrees=agrees,
    )  # fmt: skip


def _as_held(held: Stored, kind: FourBit, codes: NDArray[np.int16], scale: np.float32) -> bool:
    """Whether the arithmetic gives what the loaded model holds."""
    mine = torch.tensor(scale).bfloat16().item() if held.laid_anew else float(scale)
    return held.absmax == mine and _same_levels(kind, held.codes, codes)


def _same_levels(kind: FourBit, one: NDArray[np.int16], other: NDArray[np.int16]) -> bool:
    # fp4 has two codes for zero, and which of them is chosen rests on how equal numbers are sorted.
    same = (one % 8 == 0) & (other % 8 == 0) if kind == "fp4" else np.zeros(len(one), np.bool_)
    return bool(((one == other) | same).all())


def _as_bitsandbytes(
    asked: Asked, kind: FourBit, codes: NDArray[np.int16], absmax: np.float32, double: DoubleQuantization | None
) -> bool:
    """Whether bitsandbytes' own functions give the same for this block, and for its block of scales."""
    functional: Any = bnb
    device = asked.engine.loaded.device

    def step() -> bool:
        packed, state = functional.quantize_4bit(
            torch.from_numpy(asked.values).to(device), blocksize=asked.size, quant_type=kind
        )
        flat = packed.view(torch.uint8).reshape(-1).cpu().numpy()
        theirs = np.stack([flat >> 4, flat & 15], axis=1).reshape(-1)[: len(codes)].astype(np.int16)
        same = _same_levels(kind, theirs, codes) and float(state.absmax[0]) == float(absmax)
        if double is None or not same:
            return same
        second, held = functional.quantize_blockwise(torch.from_numpy(double.shifted).to(device), blocksize=256)
        return bool((second.cpu().numpy() == double.codes).all()) and float(held.absmax[0]) == double.second_absmax

    return asked.engine.loaded.worker.call(step)


def _int8(asked: Asked) -> QuantizationBlock:
    held, numbers, place = asked.held, asked.numbers, asked.place
    absmax, scaled, agrees = np.float32(held.absmax if held else 0), NONE, None
    codes = held.codes if held else np.empty(0, np.int16)
    if numbers is not None:
        with np.errstate(over="ignore"):
            row = numbers.rows(asked.row, asked.row + 1)[0].astype(np.float16)
        if not np.isfinite(row).all():
            raise NotFiniteError(
                f"Row {asked.row} of {asked.module} has numbers that are not finite in float16, in which LLM.int8() "
                "scales: work it in another format."
            )
        absmax, scaled_row, row_codes = int8(row)
        part = slice(int(place.columns[0]), int(place.columns[-1]) + 1)
        scaled, ours = scaled_row[part], row_codes[part].astype(np.int16)
        if held is None:
            theirs, their_absmax = _bitsandbytes_row(asked, row)
            agrees = bool((theirs == row_codes).all()) and their_absmax == float(absmax)
            codes = ours
        else:
            agrees = bool((held.codes == ours).all()) and held.absmax == float(absmax)
    back = codes.astype(np.float32) * absmax * _INT8_BACK
    whole = np.arange(-127, 128, dtype=np.int16)
    scale = float(absmax * _INT8_BACK)
    return asked.block_of(
        absmax=float(absmax), divisor=scale, scale=scale, shared_by=asked.shape[1], scaled=scaled,
        levels=whole.astype(np.float32), level_codes=whole, codes=codes, chosen=codes.astype(np.float32), back=back,
        packed=codes.astype(np.int8).view(np.uint8), byte_of=np.arange(place.n), in_high=np.zeros(place.n, np.bool_),
        agrees=agrees,
    )  # fmt: skip


def _bitsandbytes_row(asked: Asked, row: NDArray[np.float16]) -> tuple[NDArray[np.int8], float]:
    functional: Any = bnb

    def step() -> tuple[NDArray[np.int8], float]:
        tensor = torch.from_numpy(row)[None].to(asked.engine.loaded.device)
        codes, scales, _ = functional.int8_vectorwise_quant(tensor)
        return codes[0].cpu().numpy(), float(scales[0])

    return asked.engine.loaded.worker.call(step)
