"""A question about one block, with what there is to answer it from: the numbers, the stored codes, its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmloupe.errors import NotFiniteError
from lmloupe.model.local import LocalEngine
from lmloupe.model.precision import Precision
from lmloupe.precision.block.numbers import Numbers, matrix_of, numbers_of
from lmloupe.precision.block.places import Place, place_of
from lmloupe.precision.block.results import QuantizationBlock
from lmloupe.precision.block.stored import Stored, stored_four_bit, stored_int8, stored_kind
from lmloupe.precision.formats import bits_per_weight
from lmloupe.precision.modules import quantizable_modules

__all__ = ["NONE", "Asked", "ask"]

NONE = np.empty(0, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A question, with what there is to answer it from."""

    engine: LocalEngine
    module: str
    row: int
    block: int
    precision: Precision
    shape: tuple[int, int]
    place: Place
    size: int
    numbers: Numbers | None
    values: NDArray[np.float32]
    held: Stored | None
    notes: tuple[str, ...]

    def block_of(self, **found: Any) -> QuantizationBlock:
        """The answer: what all formats have in common, and what was found."""
        bits = bits_per_weight(self.precision, self.shape)
        values, back = self.values, found["back"]
        settings: dict[str, Any] = {
            "module": self.module,
            "precision": self.precision,
            "shape": self.shape,
            "row": self.row,
            "block": self.block,
            "n_blocks": self.place.n_blocks,
            "is_whole": self.place.whole,
            "rows": self.place.rows,
            "columns": self.place.columns,
            "values": values,
            "errors": back - values if len(values) else NONE,
            "shared_by": self.place.n,
            "zero": 0,
            "double": None,
            "tensor_scale": 1.0,
            "bits": bits,
            "scale_bits": bits - (8 if self.precision.weights in ("int8", "q8_0") else 4),
            "origin": "none" if self.numbers is None else self.numbers.origin,
            "is_stored": self.held is not None,
            "agrees": None,
            "notes": self.notes,
        }
        return QuantizationBlock(**settings | found)


def ask(engine: LocalEngine, module: str, row: int, block: int, precision: Precision) -> Asked:
    """Look up the module, read the block's numbers and what a quantized model holds of it; errors as said there."""
    found, shape, quantized = matrix_of(engine, module)
    kind, double, size = stored_kind(found) if quantized else ("", False, 0)
    is_stored = kind == precision.weights and double == precision.double_quant
    size = size if is_stored and kind != "int8" else 0
    place = place_of(module, shape, row, block, precision.weights, size)
    numbers, held, values, notes = numbers_of(engine, module), None, NONE, []
    worker = engine.loaded.worker
    if numbers is not None:
        first, last = int(place.rows[0]), int(place.rows[-1])
        flat = numbers.rows(first, last + 1).reshape(-1)
        values = flat[place.first - first * shape[1] :][: place.n]
        if not np.isfinite(values).all():
            raise NotFiniteError(f"The weights of {module} hold NaN or infinite numbers, which no format can scale.")
    if is_stored and kind == "int8":
        held = worker.call(lambda: stored_int8(found, row, int(place.columns[0]), place.n))
    elif is_stored:
        held = worker.call(lambda: stored_four_bit(found, place.first, place.n))
    if not quantized and module not in quantizable_modules(engine.loaded.model):
        notes.append(
            f"bitsandbytes leaves {module} as it is when it quantizes this model: this is what a block of it would be."
        )
    if held is not None and held.laid_anew:
        notes.append(
            f"This CPU multiplies with scales in bfloat16: {held.absmax:.6g} for this block. bitsandbytes lays the "
            "weights out anew for it; the codes stay the same."
        )
    return Asked(engine, module, row, block, precision, shape, place, size or 64, numbers, values, held, tuple(notes))
