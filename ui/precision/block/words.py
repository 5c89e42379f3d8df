"""The arithmetic of one weight with its numbers written out, and the sentences about a block."""

from __future__ import annotations

import numpy as np

import lmloupe as lm
from ui.base.words import counted, percent

__all__ = [
    "FORMATS",
    "about_double",
    "about_format",
    "already_few",
    "arithmetic",
    "checked",
    "double_arithmetic",
    "double_found",
    "double_steps",
    "found",
    "number",
    "steps",
]

FORMATS = {
    "nf4": "nf4",
    "fp4": "fp4",
    "int8": "int8",
    "q4_0": "Q4_0",
    "q8_0": "Q8_0",
    "mxfp4": "MXFP4",
    "nvfp4": "NVFP4",
    "int4_g128": "int4, groups of 128",
}
"""What people call the formats."""

_ABOUT = {
    "nf4": "nf4 has 16 levels that lie close together near zero, where most weights are: they are quantiles of a "
    "normal distribution, so that each is used about equally often. 64 weights share one scale, their largest "
    "magnitude (absmax).",
    "fp4": "fp4 has 16 levels that are 4-bit floating-point numbers, two of them zero. 64 weights share one scale, "
    "their largest magnitude (absmax).",
    "int8": "LLM.int8() has 255 levels at equal distances, from −127 to 127. A whole row shares one scale, its largest "
    "magnitude (absmax): one large weight makes the steps of its whole row coarse.",
    "q4_0": "Q4_0, of llama.cpp: 32 weights share one scale in float16, the weight of largest magnitude over −8. "
    "16 levels at equal distances.",
    "q8_0": "Q8_0, of llama.cpp: 32 weights share one scale in float16, the largest magnitude over 127. 255 levels at "
    "equal distances.",
    "mxfp4": "MXFP4, of the Open Compute Project: 32 weights share one scale, which is a power of two; the levels are "
    "4-bit floating-point numbers (E2M1) up to 6.",
    "nvfp4": "NVFP4, of NVIDIA: 16 weights share one scale of 8 bits (E4M3), and the whole matrix shares another in "
    "float32; the levels are 4-bit floating-point numbers (E2M1) up to 6.",
    "int4_g128": "int4 in groups, as GPTQ stores it: 128 weights share one scale in float16 and one zero point. 16 "
    "levels at equal distances from the smallest to the largest weight.",
}


def number(value: float) -> str:
    """A number with four significant figures and a true minus sign.

    >>> number(-0.031249), number(0), number(5.0), number(3.2e-7)
    ('−0.03125', '0', '5', '3.2e−07')
    """
    return f"{value:.4g}".replace("-", "−") if value else "0"


def _places(block: lm.QuantizationBlock) -> int:
    return 1 if block.precision.weights in ("int8", "q8_0") else 3


def _scaled(block: lm.QuantizationBlock, i: int) -> str:
    return f"{block.scaled[i]:.{_places(block)}f}".replace("-", "−")


def _divided(block: lm.QuantizationBlock) -> str:
    """How a weight is scaled, as the right side of a product."""
    weights = block.precision.weights
    if weights == "int8":
        return f"× (127 / {number(block.absmax)})"
    if weights in ("nf4", "fp4"):
        return f"× (1 / {number(block.absmax)})" if block.is_whole else f"/ {number(block.absmax)}"
    return f"/ {number(block.divisor)}"


def _named(block: lm.QuantizationBlock, i: int) -> str:
    """How the scaled number becomes a code."""
    weights, code, level = block.precision.weights, int(block.codes[i]), number(float(block.chosen[i]))
    if weights in ("int8", "q8_0"):
        return f"rounded {number(code)}"
    if weights in ("q4_0", "int4_g128"):
        return f"rounded {level}, plus {block.zero} = code {code}"
    return f"nearest level {level} = code {code}"


def _back(block: lm.QuantizationBlock, i: int) -> str:
    """How the code becomes a number again, as a product."""
    level = number(float(block.chosen[i]))
    scale = f"{number(block.absmax)} / 127" if block.precision.weights == "int8" else number(block.scale)
    return f"{level} × {scale} = {number(float(block.back[i]))}"


def arithmetic(block: lm.QuantizationBlock, i: int) -> str:
    """All that happens to a weight, in one line; of a block without original numbers from its code on."""
    if not len(block.values):
        return f"code {int(block.codes[i])} = level {number(float(block.chosen[i]))} → {_back(block, i)}"
    return (
        f"{number(float(block.values[i]))} {_divided(block)} = {_scaled(block, i)} → {_named(block, i)} → "
        f"{_back(block, i)}, {_off(float(block.errors[i]))}"
    )


def _off(error: float) -> str:
    return f"off by {number(error)}" if error else "exact"


def steps(block: lm.QuantizationBlock, i: int) -> tuple[tuple[str, str], ...]:
    """From the weight to its error: (what it is, its number)."""
    code = int(block.codes[i])
    bits = f" · {code:04b}" if block.precision.weights not in ("int8", "q8_0") else ""
    listed = []
    if len(block.values):
        listed = [("weight", number(float(block.values[i]))), (f"{_divided(block)}", _scaled(block, i))]
        if not bits:
            listed.append(("rounded: the code", number(code)))
        else:
            listed += [("nearest level", number(float(block.chosen[i]))), ("its code", f"{code}{bits}")]
    else:
        listed = [("code", f"{number(code)}{bits}"), ("level", number(float(block.chosen[i])))]
    if len(block.packed):
        which = ("upper four bits of byte" if block.in_high[i] else "lower four bits of byte") if bits else "byte"
        place = int(block.byte_of[i])
        listed.append((f"{which} {place + 1}", f"{int(block.packed[place]):02X}"))
    scale = f"{number(block.absmax)} / 127" if block.precision.weights == "int8" else number(block.scale)
    listed.append((f"back: × {scale}", number(float(block.back[i]))))
    if len(block.errors):
        listed.append(("error", number(float(block.errors[i]))))
    return tuple(listed)


def double_arithmetic(double: lm.DoubleQuantization, i: int) -> str:
    """All that happens to a scale in double quantization, in one line."""
    code = int(double.codes[i])
    level, back = float(double.levels[code]), float(double.back[i])
    ends = f"{number(level)} × {number(double.second_absmax)} + {number(double.offset)} = {number(back)}"
    if not len(double.scales):
        return f"code {code} = level {number(level)} → {ends}"
    return (
        f"({number(float(double.scales[i]))} − {number(double.offset)}) × (1 / {number(double.second_absmax)}) = "
        f"{number(float(double.scaled[i]))} → nearest of 256 levels {number(level)} = code {code} → {ends}, "
        f"{_off(back - float(double.scales[i]))}"
    )


def double_steps(double: lm.DoubleQuantization, i: int) -> tuple[tuple[str, str], ...]:
    """From a scale to what comes back of it: (what it is, its number)."""
    code = int(double.codes[i])
    listed = []
    if len(double.scales):
        listed = [
            ("scale (absmax)", number(float(double.scales[i]))),
            ("− mean of all scales", number(float(double.shifted[i]))),
            (f"× (1 / {number(double.second_absmax)})", number(float(double.scaled[i]))),
        ]
    listed += [
        ("nearest level", number(float(double.levels[code]))),
        ("its code: one byte", f"{code} · {code:02X}"),
        (f"back: × {number(double.second_absmax)} + {number(double.offset)}", number(float(double.back[i]))),
    ]
    if len(double.scales):
        listed.append(("error", number(float(double.back[i]) - float(double.scales[i]))))
    return tuple(listed)


def n_bytes(block: lm.QuantizationBlock) -> float:
    """Bytes that the block takes with its own scale; a row's scale and a matrix's are not counted."""
    n, weights = len(block.codes), block.precision.weights
    if weights == "int8":
        return n
    own = {"q4_0": 2, "q8_0": 2, "mxfp4": 1, "nvfp4": 1, "int4_g128": 2.5}.get(weights, 4)
    own = 1 if block.double is not None or block.precision.double_quant else own
    return n * (1 if weights == "q8_0" else 0.5) + own


def found(block: lm.QuantizationBlock, bytes_each: int) -> str:
    """The heading: what the block takes, and how wrong it is; true for a block that comes back exactly, too.

    Args:
        block: the block.
        bytes_each: of a weight that is not quantized.
    """
    n = len(block.codes)
    size = f"{n_bytes(block):g}".removesuffix(".0")
    said = f"{counted(n, 'weight')} in {size} bytes instead of {n * bytes_each:,}"
    if not len(block.errors):
        return f"{said}: each is one of {len(block.levels)} levels times one scale, {number(block.scale)}"
    worst = float(np.abs(block.errors).max())
    if worst == 0:
        return f"{said}: every weight comes back exactly"
    whose = "row's" if block.precision.weights == "int8" else "block's"
    return f"{said}: the largest error is {percent(worst / block.absmax)} of the {whose} largest weight"


def about_format(block: lm.QuantizationBlock) -> str:
    """What the format is, and how many bits a weight takes in it with its share of the scales."""
    own = block.bits - block.scale_bits
    said = f"{_ABOUT[block.precision.weights]} {block.bits:.4g} bits a weight: {own:g}, and {block.scale_bits:.3g} as "
    said += "its share of the scales."
    if block.precision.double_quant:
        said += " With double quantization the scales themselves are stored in 8 bits."
    return said


def already_few(block: lm.QuantizationBlock) -> str:
    """What the weights say themselves of having been quantized before: that they are few numbers; else nothing."""
    if not len(block.values) or block.columns[0] % 32:
        return ""
    parts = [block.values[i : i + 32] for i in range(0, len(block.values), 32)]
    most = max(len(np.unique(part)) for part in parts)
    if most > 16:
        return ""
    return (
        f"These weights have been rounded once before: every 32 of them have at most {most} different values, because "
        "the model was published in 4 bits and its float32 numbers are computed from those codes. So the error above "
        "is that of a second rounding."
    )


def checked(block: lm.QuantizationBlock, *, published_so: bool) -> str:
    """Whether bitsandbytes stores the same; ``published_so``: the model's own files are quantized."""
    if block.precision.is_simulated:
        return "Simulated: this is the format's arithmetic on this model's real weights; its own kernels are not run."
    n = counted(len(block.codes), "code")
    if block.is_stored and block.agrees is None:
        return (
            f"These are the {n} that the loaded model holds. Its original weights are not kept on this machine, so "
            "the errors cannot be said"
            + (": the model is published quantized." if published_so else ": choose float32 in the bar to see them.")
        )
    if block.is_stored:
        same = "gives the same" if block.agrees else "gives others, so the file is not that of this model"
        return f"These are the {n} that the loaded model holds; the arithmetic on the weights of its file {same}."
    if block.agrees:
        return f"Worked here step by step; bitsandbytes' own functions give the same {n} and the same scale."
    return f"Worked here step by step; bitsandbytes' own functions give other codes than these {n} on this machine."


def double_found(double: lm.DoubleQuantization) -> str:
    """The heading of the second level."""
    n = len(double.codes)
    said = f"The scale is a number to store, too: {counted(n, 'scale')} in {counted(n, 'byte')} instead of {4 * n:,}"
    if not len(double.scales):
        return said
    worst = float(np.abs((double.back - double.scales) / np.where(double.scales == 0, 1, double.scales)).max())
    return f"{said}: no scale is off by more than {worst:.1%}" if worst else f"{said}: every scale comes back exactly"


def about_double(double: lm.DoubleQuantization) -> str:
    """What double quantization does, with this matrix's numbers."""
    return (
        f"The mean of all {double.n_scales:,} scales of the matrix, {number(double.offset)}, is taken from each. What "
        f"is left goes in blocks of 256 through 256 levels from −1 to 1 that lie close together near zero; their "
        f"largest magnitude, {number(double.second_absmax)}, is stored as it is. The chart shows the distances from "
        f"the mean. The scale of the block above is number {double.place + 1} here."
    )
