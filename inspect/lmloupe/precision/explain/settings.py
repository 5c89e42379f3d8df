"""What each setting of BitsAndBytesConfig does, in the config that it stands in."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["FLOATS", "acts", "does"]

FLOATS = ("float32", "bfloat16", "float16", "float64")
_SKIP = "llm_int8_skip_modules"
_FOUR = ("bnb_4bit_compute_dtype", "bnb_4bit_quant_type", "bnb_4bit_use_double_quant", "bnb_4bit_quant_storage")


def acts(name: str, bits: int | None) -> bool:
    """Whether a setting changes anything where linear layers are stored in 8 or 4 bits (0: as they are)."""
    if name in ("load_in_4bit", "load_in_8bit"):
        return True
    if not bits:
        return False
    if name in (_SKIP, "llm_int8_enable_fp32_cpu_offload"):
        return True
    return (name in _FOUR) == (bits == 4)


def does(name: str, held: Mapping[str, object], bits: int | None) -> str:
    """A sentence on what a setting does.

    Args:
        name: its keyword.
        held: effective value by keyword, of the settings that could be read.
        bits: 4, 8, or 0 where nothing is quantized; None where nobody can say.
    """
    if name not in held:
        return "Its value is known only when the text is run."
    value = held[name]
    if bits is not None and not acts(name, bits):
        return f"Nothing here: it is for {'4' if name in _FOUR else '8'}-bit storage." if bits else "Nothing here."
    return _WORDS[name](value, bits)


def _load_in_8bit(value: object, _: int | None) -> str:
    return "Linear layers are stored by LLM.int8(): 8 bits a weight, a scale a row." if value else "Not asked for."


def _load_in_4bit(value: object, _: int | None) -> str:
    return "Linear layers are stored in 4 bits a weight, a scale for 64 of them." if value else "Not asked for."


def _threshold(value: object, _: int | None) -> str:
    if not isinstance(value, float) or not value > 0:
        return "0 or less turns the outliers' own path off: all activations are rounded to 8 bits."
    return (
        f"Of the activations, not of the weights: columns with an activation of {value:g} or more in size are "
        "multiplied in 16 bits."
    )


def _skip(value: object, _: int | None) -> str:
    if value is None:
        return "Left as it is: the output matrix, and what is tied to it."
    if not value:
        return "An empty list leaves nothing as it is: the output matrix is quantized too."
    named = ", ".join(str(item) for item in value) if isinstance(value, list) else str(value)
    return f"Left as they are: modules whose path begins or ends with {named[:200]}. These alone."


def _offload(value: object, _: int | None) -> str:
    if value:
        return "Modules that device_map puts on the CPU or the disk are not quantized."
    return "device_map may not put some modules on the CPU or the disk."


def _fp16_weight(value: object, _: int | None) -> str:
    if value:
        return "The weights are kept in 16 or 32 bits and rounded at each product: for training, no memory is saved."
    return "The weights are kept in 8 bits alone."


def _compute(value: object, _: int | None) -> str:
    if value not in FLOATS:
        return f"Activations would be turned into {value} before each product, which drops all fractions."
    return f"Weights are turned back into {value} for each product, and activations into {value} too."


def _quant_type(value: object, _: int | None) -> str:
    if value == "nf4":
        return "16 levels at the quantiles of a normal distribution, closest together near zero."
    if value == "fp4":
        return "A 4-bit float: sign, two bits of exponent, one of mantissa; steps double with the size."
    return "bitsandbytes has no such type: loading stops with quant_type must be 'nf4' or 'fp4'."


def _double(value: object, _: int | None) -> str:
    if value:
        return "Scales are quantized too, to 8 bits in blocks of 256: 4.127 bits a weight in place of 4.5."
    return "Scales stay float32: 4.5 bits a weight; with double quantization 4.127."


def _storage(value: object, _: int | None) -> str:
    if value == "uint8":
        return "Two codes lie in each byte."
    return f"The same bytes, labelled {value}: for FSDP, which wants one dtype. No memory and no number changes."


_WORDS = {
    "load_in_8bit": _load_in_8bit,
    "load_in_4bit": _load_in_4bit,
    "llm_int8_threshold": _threshold,
    _SKIP: _skip,
    "llm_int8_enable_fp32_cpu_offload": _offload,
    "llm_int8_has_fp16_weight": _fp16_weight,
    "bnb_4bit_compute_dtype": _compute,
    "bnb_4bit_quant_type": _quant_type,
    "bnb_4bit_use_double_quant": _double,
    "bnb_4bit_quant_storage": _storage,
}
