"""Name how a model's weights are stored and what they are multiplied in: one precision of many that are compared."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from lmloupe.errors import InvalidSettingError
from lmloupe.model.architecture.results import Dtype, Quantization

__all__ = ["BITSANDBYTES", "BLOCK_SIZES", "DTYPES", "SIMULATED", "Precision", "Weights"]

Weights: TypeAlias = Literal[
    "float32", "bfloat16", "float16", "int8", "fp4", "nf4", "q4_0", "q8_0", "mxfp4", "nvfp4", "int4_g128"
]
DTYPES: tuple[Weights, ...] = ("float32", "bfloat16", "float16")
"""Plain numbers: nothing is quantized."""
BITSANDBYTES: tuple[Weights, ...] = ("int8", "fp4", "nf4")
"""What bitsandbytes stores and multiplies with."""
SIMULATED: tuple[Weights, ...] = ("q4_0", "q8_0", "mxfp4", "nvfp4", "int4_g128")
"""Formats of other engines, by arithmetic: each weight is rounded to what the format can store, and the products are
those of plain numbers, because the formats' own kernels are not run."""
BLOCK_SIZES: dict[Weights, int] = {
    "nf4": 64, "fp4": 64, "q4_0": 32, "q8_0": 32, "mxfp4": 32, "nvfp4": 16, "int4_g128": 128
}  # fmt: skip
"""How many weights share a scale. Those of nf4 and fp4 run on over the ends of rows, the others begin at each row."""

_NAMES = {"q4_0": "Q4_0", "q8_0": "Q8_0", "mxfp4": "MXFP4", "nvfp4": "NVFP4", "int4_g128": "int4 in groups of 128"}
_SPEC = re.compile(r"([a-z0-9_]+)(\+double)?(\+simulated)?(?:@([a-z0-9]+))?")


@dataclass(frozen=True, slots=True)
class Precision:
    """How the weights are stored, and what they are multiplied in.

    Attributes:
        weights: ``"float32"``, ``"bfloat16"`` or ``"float16"``; ``"int8"``, ``"fp4"`` or ``"nf4"`` by bitsandbytes;
            ``"q4_0"``, ``"q8_0"``, ``"mxfp4"``, ``"nvfp4"`` or ``"int4_g128"`` by arithmetic alone.
        double_quant: of nf4 and fp4: the scales are quantized too.
        compute_dtype: of fp4 and nf4: what their products are computed in (bitsandbytes' ``bnb_4bit_compute_dtype``);
            ``"auto"`` is the dtype of the activations, see `lmloupe.load_engine`.
        by_arithmetic: of int8, fp4 and nf4: the weights are rounded by bitsandbytes and multiplied as plain numbers, as
            those of simulated formats are: what rounding alone does, without bitsandbytes' products.

    Raises:
        InvalidSettingError: an unknown name, or a choice that these weights do not have.

    >>> Precision("nf4", double_quant=True).label
    'nf4, double quantization'
    """

    weights: Weights
    double_quant: bool = False
    compute_dtype: Dtype = "auto"
    by_arithmetic: bool = False

    def __post_init__(self) -> None:
        if self.weights not in get_args(Weights):
            raise InvalidSettingError(
                f"Precision {self.weights!r} is not known: choose from {', '.join(get_args(Weights))}."
            )
        if self.compute_dtype not in get_args(Dtype):
            raise InvalidSettingError(
                f"Compute dtype {self.compute_dtype!r} is not known: choose from {', '.join(get_args(Dtype))}."
            )
        if self.double_quant and self.weights not in ("nf4", "fp4"):
            raise InvalidSettingError(
                f"{self.weights} has no double quantization: only the scales of nf4 and fp4 are quantized again."
            )
        if self.compute_dtype != "auto" and self.weights not in ("nf4", "fp4"):
            raise InvalidSettingError(
                f"{self.weights} takes no compute dtype: only nf4 and fp4 can be multiplied in a dtype of their own."
            )
        if self.by_arithmetic and (self.weights not in BITSANDBYTES or self.compute_dtype != "auto"):
            raise InvalidSettingError(
                f"{self.weights} cannot be simulated besides: only int8, fp4 and nf4 can, without a compute dtype."
            )

    @classmethod
    def parse(cls, spec: str) -> Precision:
        """Read the short form that `spec` gives: ``"nf4"``, ``"nf4+double@bfloat16"``, ``"nf4+simulated"``.

        Raises:
            InvalidSettingError: not such a form.

        >>> Precision.parse("nf4+double@bfloat16")
        Precision(weights='nf4', double_quant=True, compute_dtype='bfloat16', by_arithmetic=False)
        """
        match = _SPEC.fullmatch(spec.strip())
        if match is None:
            raise InvalidSettingError(
                f"{spec[:80]!r} does not name a precision: write for example nf4, nf4+double or nf4@bfloat16."
            )
        weights, double, simulated, dtype = match.groups()
        return cls(
            weights,  # type: ignore[arg-type]
            double_quant=double is not None,
            compute_dtype=dtype or "auto",  # type: ignore[arg-type]
            by_arithmetic=simulated is not None,
        )

    @property
    def spec(self) -> str:
        """The short form, as `parse` reads it and a link carries it."""
        dtype = "" if self.compute_dtype == "auto" else f"@{self.compute_dtype}"
        simulated = "+simulated" if self.by_arithmetic else ""
        return f"{self.weights}{'+double' if self.double_quant else ''}{simulated}{dtype}"

    @property
    def label(self) -> str:
        """The name for people: ``"nf4, double quantization, computed in bfloat16"``, ``"MXFP4 (simulated)"``."""
        double = ", double quantization" if self.double_quant else ""
        if self.is_simulated:
            return f"{_NAMES.get(self.weights, self.weights)}{double} (simulated)"
        dtype = "" if self.compute_dtype == "auto" else f", computed in {self.compute_dtype}"
        return f"{self.weights}{double}{dtype}"

    @property
    def is_simulated(self) -> bool:
        """Whether the format is worked by arithmetic and its kernels are not run."""
        return self.weights in SIMULATED or self.by_arithmetic

    @property
    def is_quantized(self) -> bool:
        """Whether weights are stored in fewer than 16 bits."""
        return self.weights not in DTYPES

    @property
    def quantization(self) -> Quantization:
        """What `lmloupe.load_engine` takes: ``"none"`` for plain numbers, and for simulated formats."""
        return "none" if self.is_simulated or self.weights in DTYPES else self.weights  # type: ignore[return-value]

    @property
    def dtype(self) -> Dtype:
        """What `lmloupe.load_engine` takes as dtype; ``"auto"`` but for plain numbers."""
        return self.weights if self.weights in DTYPES else "auto"  # type: ignore[return-value]
