"""Figure 9: nf4, one block of the model's own weights in four bits each."""

from __future__ import annotations

import lmloupe as lm
from ui.components.block_view import block_view
from ui.learn.door.figure import Figure
from ui.learn.door.loading import MODEL, QUANTIZATION, loaded_model, model_loader
from ui.learn.door.words import covered, said
from ui.state import store as state

__all__ = ["block_figure"]

FORMATS = {"nf4": "nf4", "fp4": "fp4", "q8_0": "Q8_0"}
N_COVERED = 8


def _module() -> lm.ModuleInfo:
    """The module that One block by hand begins with: the largest of the first layer."""
    from ui.vectors.architecture_parts import in_block

    return max(in_block(loaded_model().describe(), 1), key=lambda info: info.n_parameters)


def _block(weights: str, number: int) -> lm.QuantizationBlock:
    from ui.precision.block.answers import block_of

    return block_of(MODEL, QUANTIZATION, _module().name, 0, number, weights)


def _last(weights: str) -> int:
    from lmloupe.precision.block.places import blocks_in_row

    return int(blocks_in_row(_module().shape[-1], 0, weights)) - 1  # type: ignore[arg-type]


def _number() -> int:
    return int(min(state.get("door_block"), _last(state.get("door_format"))))


def _answer() -> str:
    return str(len({float(level) for level in _block("nf4", 0).levels}))


def _cover() -> None:
    if model_loader().ready:
        from ui.precision.block.words import number

        covered(*(number(float(value)) for value in _block("nf4", 0).values[:N_COVERED]), "…")


def _show() -> None:
    from ui.precision.block import words
    from ui.precision.block.picture import block_picture, told

    found = _block(state.get("door_format"), _number())
    said(words.found(found, 4 if loaded_model().describe().compute_dtype == "float32" else 2))
    block_view(
        block_picture(found, None), told(found, -1), name=f"One block of {_module().name}", key="door_block_view"
    )


def _control() -> None:
    state.segmented("door_format", "Format", format_func=FORMATS.__getitem__, label_visibility="collapsed")
    state.number_input("door_block", "Block of the first row", max_value=_last(state.get("door_format")))


def _way() -> tuple[str, dict[str, object]]:
    values: dict[str, object] = {
        "model": MODEL, "quantization": QUANTIZATION, "block_format": state.get("door_format"), "block_double": False,
        "block_row": 0, "block_weight": -1, "module": "", "block_number": state.get("door_block"),
    }  # fmt: skip
    if model_loader().ready:
        values |= {"module": _module().name, "block_number": _number()}
    return "block", values


def _code() -> str:
    return f"""
import lmloupe as lm

engine = lm.load_engine({MODEL!r}, quantization={QUANTIZATION!r})
block = lm.quantization_block(engine, {_module().name!r}, 0, {_number()}, {state.get("door_format")!r})
print(len(set(block.levels.tolist())), "levels, scale", block.absmax)
for before, code, after in list(zip(block.values, block.codes, block.back))[:8]:
    print(before, code, after)
"""


def block_figure() -> Figure:
    """The figure."""
    return Figure(
        "nf4",
        "A model in four bits a weight",
        "Millions of *weights* take the memory. *nf4* writes each one as four bits, beside one scale for 64 of them.",
        "How many different levels can a weight have in nf4?",
        ("2", "4", "16", "256"),
        _answer,
        _cover,
        _show,
        "take Q8\\_0, with 8 bits: how much smaller does the error become?",
        _control,
        _way,
        _code,
        needs_model=True,
    )
