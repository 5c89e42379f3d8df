"""The Python that gives the numbers of a block: with the library, and with bitsandbytes alone."""

from __future__ import annotations

import lmloupe as lm
from ui.model.transformers_code import loading_code

__all__ = ["block_code"]

_OURS = """
import lmloupe as lm

engine = lm.load_engine({model!r}, quantization={quantization!r})
block = lm.quantization_block(engine, {module!r}, {row}, {block}, {spec!r})
print(block.codes.tolist())
print(block.back.tolist())
for name in ("absmax", "scale", "bits"):
    print(name, getattr(block, name))
for value, scaled, level, error in zip(block.values, block.scaled, block.chosen, block.errors):
    print(value, scaled, level, error)
"""
_FOUR_BIT = """
import bitsandbytes.functional as bnb

weight = model.get_submodule({module!r}).weight
if getattr(weight, "quant_state", None) is not None:  # the model is loaded so
    packed, state = weight.data, weight.quant_state
else:
    packed, state = bnb.quantize_4bit(
        weight.detach().float(), blocksize=64, quant_type={kind!r}, compress_statistics={double}
    )
nibbles = packed.view(torch.uint8).flatten()
codes = torch.stack([nibbles >> 4, nibbles & 15], 1).flatten()  # two a byte, the first in the upper four bits
back = bnb.dequantize_4bit(packed, state).float().flatten()
print(codes[{first}:{end}].tolist())
print(back[{first}:{end}].tolist())
"""
_INT8 = """
import bitsandbytes.functional as bnb

weight = model.get_submodule({module!r}).weight
if weight.dtype == torch.int8:  # the model is loaded so
    codes, scales = weight.data, weight.SCB
else:
    codes, scales, _ = bnb.int8_vectorwise_quant(weight.detach().half())
back = bnb.int8_vectorwise_dequant(codes, scales)
print(codes[{row}, {first}:{end}].tolist())
print(back[{row}, {first}:{end}].tolist())
"""
_SIMULATED = """
# The same from the matrix alone, which any other library can give
weight = model.get_submodule({module!r}).weight.detach().float().numpy()
found = lm.simulate(weight, {kind!r})
print(found.codes[{row}, {first}:{end}].tolist())
print(found.values[{row}, {first}:{end}].tolist())
"""


def block_code(
    model: str, quantization: lm.Quantization, described: lm.ModelDescription, block: lm.QuantizationBlock
) -> str:
    """Lines that print the codes and what comes back, twice."""
    weights = block.precision.weights
    asked = {"module": block.module, "row": block.row, "block": block.block}
    ours = _OURS.format(model=model, quantization=quantization, spec=block.precision.spec, **asked)
    n, width = len(block.codes), block.shape[1]
    if weights in ("nf4", "fp4"):
        first = int(block.rows[0]) * width + int(block.columns[0])
        rest = _FOUR_BIT.format(
            kind=weights, double=block.precision.double_quant, first=first, end=first + n, **asked
        )  # fmt: skip
    else:
        first = int(block.columns[0])
        form = _INT8 if weights == "int8" else _SIMULATED
        rest = form.format(kind=weights, first=first, end=first + n, **asked)
    said = "bitsandbytes alone" if weights in ("nf4", "fp4", "int8") else "the matrix as transformers loads it"
    return f"{ours}\n# The same with {said}\n{loading_code(described, [])}{rest}"
