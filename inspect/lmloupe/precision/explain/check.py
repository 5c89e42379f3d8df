"""The settings of transformers' BitsAndBytesConfig: their defaults, and which values its constructor takes.

Read from transformers 5.23; tests hold every value and every refusal against the class itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["DEFAULTS", "DTYPES", "STORAGE", "Refused", "TorchDtype", "effective"]


@dataclass(frozen=True, slots=True)
class TorchDtype:
    """``torch.float16`` as it stands in a text."""

    name: str


DEFAULTS: Mapping[str, object] = {
    "load_in_8bit": False,
    "load_in_4bit": False,
    "llm_int8_threshold": 6.0,
    "llm_int8_skip_modules": None,
    "llm_int8_enable_fp32_cpu_offload": False,
    "llm_int8_has_fp16_weight": False,
    "bnb_4bit_compute_dtype": None,
    "bnb_4bit_quant_type": "fp4",
    "bnb_4bit_use_double_quant": False,
    "bnb_4bit_quant_storage": None,
}
"""By keyword, in the order in which the constructor takes them by place."""

_OTHER_NAMES = {
    "bit": "uint1", "cdouble": "complex128", "cfloat": "complex64", "chalf": "complex32", "double": "float64",
    "float": "float32", "half": "float16", "int": "int32", "long": "int64", "short": "int16",
}  # fmt: skip
_OWN_NAMES = (
    "bfloat16", "bits16", "bits1x8", "bits2x4", "bits4x2", "bits8", "bool", "complex128", "complex32", "complex64",
    "float16", "float32", "float4_e2m1fn_x2", "float64", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2",
    "float8_e5m2fnuz", "float8_e8m0fnu", "int1", "int16", "int2", "int3", "int32", "int4", "int5", "int6", "int64",
    "int7", "int8", "qint32", "qint8", "quint2x4", "quint4x2", "quint8", "uint1", "uint16", "uint2", "uint3", "uint32",
    "uint4", "uint5", "uint6", "uint64", "uint7", "uint8",
)  # fmt: skip
DTYPES: Mapping[str, str] = {name: name for name in _OWN_NAMES} | _OTHER_NAMES
"""The name that torch writes, by every name that it knows a dtype under."""
STORAGE = ("float16", "float32", "int8", "uint8", "float64", "bfloat16")
"""The dtypes that ``bnb_4bit_quant_storage`` takes as a string."""
_BOTH = "load_in_4bit and load_in_8bit are both True, but only one can be used at the same time"


class Refused(Exception):  # noqa: N818 - no error of ours: transformers' own, as it would raise it
    """transformers does not take the config; the message is its own, with the name of the exception."""

    def __init__(self, setting: str, message: str) -> None:
        super().__init__(message)
        self.setting = setting


def effective(said: Mapping[str, object]) -> dict[str, object]:
    """Every setting as the constructor leaves it, dtypes by their names.

    Args:
        said: value by keyword; keywords that the constructor does not know are passed over, as it does.

    Raises:
        Refused: the constructor would raise.

    >>> effective({"load_in_4bit": True})["bnb_4bit_compute_dtype"]
    'float32'
    """
    held = {name: said.get(name, default) for name, default in DEFAULTS.items()}
    if held["load_in_4bit"] and held["load_in_8bit"]:
        raise Refused("load_in_8bit", f"ValueError: {_BOTH}")
    held["bnb_4bit_compute_dtype"] = _compute_dtype(held["bnb_4bit_compute_dtype"])
    held["bnb_4bit_quant_storage"] = _storage(held["bnb_4bit_quant_storage"])
    for name, kind, words in _KINDS:
        value = held[name]
        if not isinstance(value, kind) and not (name == "llm_int8_skip_modules" and value is None):
            raise Refused(name, f"TypeError: {name} must be {words}")
    return held


_KINDS = (
    ("load_in_4bit", bool, "a boolean"),
    ("load_in_8bit", bool, "a boolean"),
    ("llm_int8_threshold", float, "a float"),
    ("llm_int8_skip_modules", list, "a list of strings"),
    ("llm_int8_enable_fp32_cpu_offload", bool, "a boolean"),
    ("llm_int8_has_fp16_weight", bool, "a boolean"),
    ("bnb_4bit_quant_type", str, "a string"),
    ("bnb_4bit_use_double_quant", bool, "a boolean"),
)


def _compute_dtype(value: object) -> str:
    name = "bnb_4bit_compute_dtype"
    written = _written(name, value, otherwise="float32")
    if written not in DTYPES:
        # Where torch has something else of this name, such as a function, a TypeError says the same later.
        raise Refused(name, f"AttributeError: module 'torch' has no attribute '{written}' that is a dtype")
    return DTYPES[written]


def _storage(value: object) -> str:
    name = "bnb_4bit_quant_storage"
    written = _written(name, value, otherwise="uint8")
    if not isinstance(value, TorchDtype) and written not in STORAGE:
        raise Refused(name, f"ValueError: `{name}` must be a valid string (one of {', '.join(map(repr, STORAGE))})")
    return written


def _written(name: str, value: object, otherwise: str) -> str:
    """The name of a dtype as it is given; ``otherwise`` where it is left out."""
    if value is None:
        return otherwise
    if isinstance(value, TorchDtype):
        return DTYPES[value.name]
    if not isinstance(value, str):
        raise Refused(name, f"ValueError: {name} must be a string or a torch.dtype")
    return value
