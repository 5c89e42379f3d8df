"""What precisions are called where there is little room, and the hue of each."""

from __future__ import annotations

import lmloupe as lm

__all__ = ["BASELINE_HUE", "OFFERED", "hue", "is_variant", "short"]

BASELINE_HUE = "#7f8994"
_HUES: dict[str, str] = {
    "float32": "#7a6a5a",
    "bfloat16": "#3b82b8",
    "float16": "#5c6bd0",
    "int8": "#4d9a5b",
    "fp4": "#b0606a",
    "nf4": "#8a6bbf",
    "q4_0": "#8f9a2c",
    "q8_0": "#3aa6a0",
    "mxfp4": "#8a7a50",
    "nvfp4": "#5f8f9f",
    "int4_g128": "#6f7013",
}
"""One hue for the weights' format, for both themes; none is orange or magenta, which have a meaning."""
_SHORT = {"q4_0": "Q4_0", "q8_0": "Q8_0", "mxfp4": "MXFP4", "nvfp4": "NVFP4", "int4_g128": "int4 g128"}
OFFERED = (
    "bfloat16", "float16", "float32", "int8", "fp4", "fp4+double", "nf4", "nf4+double", "nf4@bfloat16",
    "q4_0", "q8_0", "mxfp4", "nvfp4", "int4_g128", "int8+simulated", "fp4+simulated", "nf4+simulated",
)  # fmt: skip
"""What the list offers; any other short form can be typed."""


def short(precision: lm.Precision) -> str:
    """A name of a word or two: simulated formats have a wave before it.

    >>> short(lm.Precision("nf4", double_quant=True)), short(lm.Precision("mxfp4"))
    ('nf4 double', '~MXFP4')
    """
    wave = "~" if precision.is_simulated else ""
    double = " double" if precision.double_quant else ""
    dtype = "" if precision.compute_dtype == "auto" else f" @{precision.compute_dtype}"
    return f"{wave}{_SHORT.get(precision.weights, precision.weights)}{double}{dtype}"


def hue(precision: lm.Precision) -> str:
    """The colour of its marks."""
    return _HUES[precision.weights]


def is_variant(precision: lm.Precision) -> bool:
    """Whether it shares its hue with a plainer precision, and is drawn dashed or outlined."""
    return precision.double_quant or precision.compute_dtype != "auto" or precision.by_arithmetic
