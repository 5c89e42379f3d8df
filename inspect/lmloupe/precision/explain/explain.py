"""Say what a quantization config really does, from its text alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from lmloupe.model.architecture.results import Dtype
from lmloupe.model.precision import Precision
from lmloupe.precision.explain.check import DEFAULTS, DTYPES, Refused, TorchDtype, effective
from lmloupe.precision.explain.methods import method_words, setting_words
from lmloupe.precision.explain.read import Found, Said, Unread, read_config
from lmloupe.precision.explain.results import ConfigSetting, ConfigWarning, ExplainedConfig
from lmloupe.precision.explain.settings import acts, does
from lmloupe.precision.explain.surprises import WRITTEN_BESIDE, surprises

__all__ = ["explain_quantization"]

_DTYPES = ("bnb_4bit_compute_dtype", "bnb_4bit_quant_storage")
_FLAGS = ("load_in_4bit", "load_in_8bit")
_NO_LINE = "No precision of LM Loupe does the same: "


def explain_quantization(text: str) -> ExplainedConfig:
    """What a quantization config does, setting by setting, with the defaults that nobody wrote.

    Reads ``BitsAndBytesConfig(...)`` alone or within a script, a dict, a ``quantization_config`` in JSON or a whole
    ``config.json``; nothing is executed. Values that are not literal (names, calls) are not read and named as such.
    Configs of other methods (GPTQ, AWQ, FP8, ...) are named in a sentence with the settings that they say. What a
    setting does was read from transformers 5.23 and bitsandbytes 0.50; the defaults and what is refused are tested
    against the class itself. Imports no torch.

    Args:
        text: Python or JSON, at most 100,000 characters.

    Raises:
        InvalidSettingError: too long, neither Python nor JSON (with line and column), or no config in it.

    >>> found = explain_quantization('BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_compute_dtype="bfloat16")')
    >>> found.weights, found.bits_per_weight, found.precision.spec
    ('fp4', 4.5, 'fp4@bfloat16')
    >>> found.warnings[0].sentence[:53]
    'fp4 is stored, because nothing else is said. For nf4,'
    """
    found = read_config(text)
    if found.method != "bitsandbytes":
        return _of_another_method(found)
    said = {one.name: one.value for one in found.said if not isinstance(one.value, Unread)}
    unread = [one.name for one in found.said if isinstance(one.value, Unread) and one.name in DEFAULTS]
    held, refusal = _effective(found, said, unread)
    bits = None if refusal or found.unpacked else _bits(found, held)
    warnings = (_refusal_warning(found, refusal),) if refusal else tuple(surprises(found, said, held, unread, bits))
    weights = "" if refusal or found.unpacked else _weights(held, bits)
    precision = _precision(found, held, weights)
    return ExplainedConfig(
        form=found.form,
        method="bitsandbytes",
        line=found.line,
        outcome=_outcome(held, weights, refusal[1] if refusal else ""),
        refused=refusal[1] if refusal else "",
        settings=_settings(found, held, bits, {one.setting for one in warnings}),
        warnings=warnings,
        effective=MappingProxyType({} if refusal else dict(held)),
        weights=weights,
        bits_per_weight=_bits_per_weight(held, weights),
        precision=precision,
        in_lmloupe=_in_lmloupe(found, held, weights, precision),
        model=found.model,
        n_configs=found.n_configs,
    )


def _effective(
    found: Found, said: Mapping[str, object], unread: list[str]
) -> tuple[dict[str, object], tuple[str, str] | None]:
    """Effective values of what could be read, and which setting transformers refuses with which words."""
    if found.refused:
        return {}, ("", found.refused)
    if found.form == "keywords":
        name = next(one.name for one in found.said)
        return {}, (name, f"TypeError: the model got an unexpected keyword argument '{name}'")
    asked = any(said.get(flag) or flag in unread for flag in _FLAGS)
    if found.form != "call" and not asked and said.get("quant_method") is None:
        return {}, (
            "",
            "ValueError: The model's quantization config from the arguments has no `quant_method` attribute",
        )
    if found.form == "dict" and not asked:
        return {}, ("load_in_4bit", "ValueError: Unknown quantization type, got bitsandbytes")
    try:
        held = effective(said)
    except Refused as refused:
        return {}, (refused.setting, str(refused))
    return {name: value for name, value in held.items() if name not in unread}, None


def _bits(found: Found, held: Mapping[str, object]) -> int | None:
    four, eight = held.get("load_in_4bit"), held.get("load_in_8bit")
    if four is None or eight is None:
        return None
    if eight:
        return 8
    return 4 if four or found.form == "call" else 0


def _weights(held: Mapping[str, object], bits: int | None) -> str:
    if bits is None:
        return ""
    if bits == 4:
        kind = held.get("bnb_4bit_quant_type")
        return str(kind) if kind in ("fp4", "nf4") else ""
    if bits == 8 and "llm_int8_has_fp16_weight" in held:
        return "none" if held["llm_int8_has_fp16_weight"] else "int8"
    return "none" if bits == 0 else ""


def _bits_per_weight(held: Mapping[str, object], weights: str) -> float | None:
    if weights == "int8":
        return 8.0
    if weights not in ("fp4", "nf4") or "bnb_4bit_use_double_quant" not in held:
        return None
    return 4 + 8 / 64 + 32 / (64 * 256) if held["bnb_4bit_use_double_quant"] else 4 + 32 / 64


def _outcome(held: Mapping[str, object], weights: str, refused: str) -> str:
    if refused:
        return f"transformers does not take it: {refused}."
    if not weights:
        kind = held.get("bnb_4bit_quant_type")
        if held.get("load_in_4bit") and kind is not None and kind not in ("fp4", "nf4"):
            return f"Loading fails: bitsandbytes has no 4-bit type {str(kind)[:40]!r}."
        return "What is stored shows only when the text is run: a value that decides it is not a literal one."
    if weights == "none":
        return "No weight is stored in fewer bits."
    skipped = held.get("llm_int8_skip_modules")
    which = "Every linear layer but the output matrix"
    if skipped is not None:
        which = "Every linear layer but those named in llm_int8_skip_modules" if skipped else "Every linear layer"
    if weights == "int8":
        return f"{which} is stored in int8: 8 bits (1 byte) a weight, and one float32 scale a row."
    bits = _bits_per_weight(held, weights)
    size = "" if bits is None else f": {bits:.4g} bits ({bits / 8:.3f} bytes) a weight with its share of the scales"
    dtype = held.get("bnb_4bit_compute_dtype")
    return f"{which} is stored in {weights}{size}{f'; products are computed in {dtype}' if dtype else ''}."


def _precision(found: Found, held: Mapping[str, object], weights: str) -> Precision | None:
    if weights == "none":
        plain = found.dtype if found.dtype in ("float32", "bfloat16", "float16") else ""
        return Precision(plain) if plain and not held.get("llm_int8_has_fp16_weight") else None  # type: ignore[arg-type]
    if not weights or _unlike(held, weights):
        return None
    if weights == "int8":
        return Precision("int8")
    double, dtype = held.get("bnb_4bit_use_double_quant"), held.get("bnb_4bit_compute_dtype")
    if double is None or dtype is None:
        return None
    chosen: Dtype = dtype  # type: ignore[assignment]
    return Precision(weights, double_quant=bool(double), compute_dtype=chosen)  # type: ignore[arg-type]


def _unlike(held: Mapping[str, object], weights: str) -> str:
    """Why no precision of LM Loupe does the same; empty where one may."""
    if held.get("llm_int8_skip_modules", 0) is not None:
        return "it always leaves the output matrix as it is, and nothing else."
    if held.get("llm_int8_enable_fp32_cpu_offload", True):
        return "it loads a model onto one device."
    if weights == "int8" and held.get("llm_int8_threshold") != 6.0:
        return "its threshold for outliers is 6."
    if weights != "int8" and held.get("bnb_4bit_compute_dtype", "float32") not in ("float32", "bfloat16", "float16"):
        return "products are computed in float32, bfloat16 or float16."
    return ""


def _in_lmloupe(found: Found, held: Mapping[str, object], weights: str, precision: Precision | None) -> str:
    if held.get("llm_int8_has_fp16_weight") and weights == "none":
        return f"{_NO_LINE}weights are stored in 8 bits or not at all."
    if not weights:
        return f"{_NO_LINE}the config loads no model, or what it loads cannot be read."
    if weights != "none" and precision is None:
        return _NO_LINE + (_unlike(held, weights) or "a setting that decides it cannot be read.")
    arguments = [repr(found.model)] if found.model else []
    if weights != "none":
        arguments.append(f"quantization={weights!r}")
    if precision is not None and precision.double_quant:
        arguments.append("double_quant=True")
    if precision is not None and precision.compute_dtype != "auto":
        arguments.append(f"compute_dtype={precision.compute_dtype!r}")
    if found.dtype in ("float32", "bfloat16", "float16"):
        arguments.append(f"dtype={found.dtype!r}")
    return f"engine = lm.load_engine({', '.join(arguments)})"


def _settings(
    found: Found, held: Mapping[str, object], bits: int | None, surprising: set[str]
) -> tuple[ConfigSetting, ...]:
    said = {one.name: one for one in found.said}
    rows = []
    for name, default in DEFAULTS.items():
        one = said.get(name)
        read = one is None or not isinstance(one.value, Unread)
        value = held.get(name, default if one is None else one.value)
        written = _written(value, is_dtype=name in _DTYPES and isinstance(value, str) and name in held)
        words = does(name, held, bits) if held or not read else "The config is refused before it does anything."
        rows.append(
            ConfigSetting(
                name=name,
                value=written,
                is_said=one is not None,
                is_read=read,
                acts=read and (bits is None or acts(name, bits)) and bool(held),
                does=words,
                is_surprising=name in surprising,
                line=0 if one is None else one.line,
            )
        )
    for one in found.said:
        if one.name not in DEFAULTS:
            beside = one.name in WRITTEN_BESIDE
            words = "Written by transformers itself." if beside else "Not a setting of BitsAndBytesConfig: dropped."
            rows.append(_other_setting(one, words, surprising=one.name in surprising))
    return tuple(rows)


def _other_setting(one: Said, words: str, *, surprising: bool = False) -> ConfigSetting:
    read = not isinstance(one.value, Unread)
    return ConfigSetting(
        name=one.name,
        value=_written(one.value),
        is_said=True,
        is_read=read,
        acts=False,
        does=words if read else "Not a literal value, so not read.",
        is_surprising=surprising,
        line=one.line,
    )


def _written(value: object, *, is_dtype: bool = False) -> str:
    if isinstance(value, Unread):
        return value.source
    if isinstance(value, TorchDtype):
        return f"torch.{value.name}"
    if is_dtype:
        return f"torch.{value}"
    written = f"float('{value}')" if isinstance(value, float) and not math.isfinite(value) else repr(value)
    return written if len(written) <= 200 else f"{written[:199]}…"


def _refusal_warning(found: Found, refusal: tuple[str, str]) -> ConfigWarning:
    name, message = refusal
    said = next((one.value for one in found.said if one.name == name), None)
    hint = ""
    if found.form == "keywords":
        hint = " Put it into quantization_config=BitsAndBytesConfig(...)."
    elif name == "bnb_4bit_compute_dtype" and isinstance(said, str):
        plain = said.removeprefix("torch.")
        hint = f' Write "{plain}", or torch.{plain} without quotes.' if plain in DTYPES else " Write torch.bfloat16."
    elif name == "llm_int8_threshold" and isinstance(said, int):
        hint = f" Write {float(said)}."
    elif name == "load_in_8bit" and "both True" in message:
        hint = " Leave one of them out."
    elif isinstance(said, tuple) and name == "llm_int8_skip_modules":
        hint = f" Write {list(said)}."
    elif name in _FLAGS or name.endswith(("_offload", "_weight", "_double_quant")):
        hint = " Write True or False."
    return ConfigWarning(name, f"transformers does not take it: {message}.{hint}")


def _of_another_method(found: Found) -> ExplainedConfig:
    if found.method == "none":
        dtype = f" in {found.dtype}" if found.dtype else ""
        outcome = f"This config.json has no quantization_config: the weights are loaded{dtype} as they are."
        line = "engine = lm.load_engine(name)  # the hub id or the folder that the file is from"
    else:
        outcome = method_words(found.method)
        line = f"{_NO_LINE}it quantizes with bitsandbytes. A checkpoint that is stored so loads with quantization none."
    return ExplainedConfig(
        form=found.form,
        method=found.method[:60],
        line=found.line,
        outcome=outcome,
        refused="",
        settings=tuple(_other_setting(one, setting_words(one.name)) for one in found.said),
        warnings=(),
        effective=MappingProxyType({}),
        weights="none" if found.method == "none" else "",
        bits_per_weight=None,
        precision=None,
        in_lmloupe=line,
        model=found.model,
        n_configs=found.n_configs,
    )
