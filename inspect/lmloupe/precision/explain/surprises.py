"""What surprises people about a BitsAndBytesConfig, the weightiest first, as tried with transformers 5.23."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence

from lmloupe.precision.explain.check import DEFAULTS
from lmloupe.precision.explain.read import Found
from lmloupe.precision.explain.results import ConfigWarning
from lmloupe.precision.explain.settings import FLOATS

__all__ = ["WRITTEN_BESIDE", "surprises"]

WRITTEN_BESIDE = ("quant_method", "_load_in_4bit", "_load_in_8bit")
"""Keys that transformers itself writes beside the settings; its constructor passes over them."""
_FOUR_ONLY = tuple(name for name in DEFAULTS if name.startswith("bnb_4bit"))
_EIGHT_ONLY = ("llm_int8_threshold", "llm_int8_has_fp16_weight")


def surprises(
    found: Found, said: Mapping[str, object], held: Mapping[str, object], unread: Sequence[str], bits: int | None
) -> Iterator[ConfigWarning]:
    """The warnings about a config that transformers takes.

    Args:
        found: the config as it stands in the text.
        said: value by keyword, of what is said and read.
        held: effective value by keyword, of what could be read.
        unread: the keywords whose values could not be read.
        bits: 4, 8 or 0; None where nobody can say.
    """
    yield from _of_the_whole(found, said, held, bits)
    yield from _unknown(found, held)
    if bits == 4:
        yield from _of_four_bits(said, held, unread)
    if bits == 8:
        yield from _of_eight_bits(said, held)
    if bits:
        yield from _of_both(held)
    for name in unread:
        yield ConfigWarning(name, f"{name} is not a literal value, so not read: what it is shows only in a run.")
    for source in found.unpacked:
        yield ConfigWarning("", f"{source} is not a literal value, so not read: it may set anything.")


def _of_the_whole(
    found: Found, said: Mapping[str, object], held: Mapping[str, object], bits: int | None
) -> Iterator[ConfigWarning]:
    if found.given is False:
        yield ConfigWarning(
            "",
            "No from_pretrained in this text is given the config: then nothing is quantized. Pass it as "
            "quantization_config=.",
        )
    flags = (held.get("load_in_4bit"), held.get("load_in_8bit"))
    if flags != (False, False):
        method = said.get("quant_method")
        if found.form != "call" and method not in (None, "bitsandbytes"):
            yield ConfigWarning(
                "quant_method",
                f"quant_method says {str(method)[:60]}, but load_in_ makes transformers take it for bitsandbytes.",
            )
        return
    if found.unpacked:
        return
    if found.form == "call":
        yield ConfigWarning(
            "load_in_4bit",
            "Neither load_in_4bit nor load_in_8bit is True, so the config itself says that it quantizes nothing "
            "(is_quantizable() is False). transformers 5.23 stores the layers in 4 bits all the same: write "
            "load_in_4bit=True where that is meant, and leave the config out where not.",
        )
    elif bits == 0:
        yield ConfigWarning(
            "load_in_4bit",
            "Neither load_in_4bit nor load_in_8bit is true: transformers skips the whole config with a warning in the "
            "log, and quantizes nothing.",
        )


def _unknown(found: Found, held: Mapping[str, object]) -> Iterator[ConfigWarning]:
    for one in found.said:
        if one.name in DEFAULTS or (found.form != "call" and one.name in WRITTEN_BESIDE):
            continue
        near = difflib.get_close_matches(one.name, DEFAULTS, n=1, cutoff=0.75)
        meant = f" {near[0]} stays {held[near[0]]!r}." if near and near[0] in held else ""
        yield ConfigWarning(
            one.name,
            f"BitsAndBytesConfig has no setting {one.name[:80]}: transformers drops it and says so only in its log, at "
            f"level info.{meant}{f' Did you mean {near[0]}?' if near else ''}",
        )


def _of_four_bits(
    said: Mapping[str, object], held: Mapping[str, object], unread: Sequence[str]
) -> Iterator[ConfigWarning]:
    kind, dtype = held.get("bnb_4bit_quant_type"), held.get("bnb_4bit_compute_dtype")
    if kind is not None and kind not in ("fp4", "nf4"):
        meant = f" Write {str(kind).lower()!r}." if str(kind).lower() in ("fp4", "nf4") else ""
        yield ConfigWarning(
            "bnb_4bit_quant_type",
            f"The config takes {str(kind)[:40]!r} without a word, but loading fails: bitsandbytes knows 'nf4' and "
            f"'fp4' alone.{meant}",
        )
    if kind == "fp4" and "bnb_4bit_quant_type" not in said:
        yield ConfigWarning(
            "bnb_4bit_quant_type",
            "fp4 is stored, because nothing else is said. For nf4, which is usually closer to the weights, write "
            'bnb_4bit_quant_type="nf4".',
        )
    if dtype == "float32" and "bnb_4bit_compute_dtype" not in said and "bnb_4bit_compute_dtype" not in unread:
        yield ConfigWarning(
            "bnb_4bit_compute_dtype",
            "Products are computed in float32, because nothing else is said, even where the model runs in 16 bits: "
            "slow on a GPU. Write bnb_4bit_compute_dtype=torch.bfloat16, or torch.float16 on a T4.",
        )
    if dtype is not None and dtype not in FLOATS:
        yield ConfigWarning(
            "bnb_4bit_compute_dtype",
            f"Products in {dtype} would drop the fractions of every activation: write bfloat16, float16 or float32.",
        )
    if held.get("bnb_4bit_use_double_quant") is False and "bnb_4bit_use_double_quant" not in said:
        yield ConfigWarning(
            "bnb_4bit_use_double_quant",
            "Double quantization is off, because nothing else is said: scales take 0.5 bits a weight, not 0.127.",
        )
    for name in _EIGHT_ONLY:
        if name in said:
            yield ConfigWarning(name, f"{name} does nothing here: the weights are stored in 4 bits.")
    if dtype == "bfloat16":
        yield ConfigWarning(
            "bnb_4bit_compute_dtype",
            "A T4 (and any NVIDIA card before Ampere) has no arithmetic for bfloat16 and imitates it slowly: there, "
            "write torch.float16.",
        )


def _of_eight_bits(said: Mapping[str, object], held: Mapping[str, object]) -> Iterator[ConfigWarning]:
    if held.get("llm_int8_has_fp16_weight"):
        yield ConfigWarning(
            "llm_int8_has_fp16_weight",
            "The weights stay in 16 or 32 bits and no memory is saved: leave llm_int8_has_fp16_weight out, but for "
            "training.",
        )
    threshold = held.get("llm_int8_threshold")
    if "llm_int8_threshold" in said and isinstance(threshold, float):
        yield ConfigWarning(
            "llm_int8_threshold",
            f"{threshold:g} is a threshold on activations: no weight is compared with it.",
        )
    for name in _FOUR_ONLY:
        if name in said:
            yield ConfigWarning(name, f"{name} does nothing here: the weights are stored in 8 bits.")


def _of_both(held: Mapping[str, object]) -> Iterator[ConfigWarning]:
    if held.get("llm_int8_skip_modules") is not None:
        yield ConfigWarning(
            "llm_int8_skip_modules",
            "The list takes the place of the one that transformers makes, so the output matrix is quantized too unless "
            "it is in it: add lm_head. In spite of its name the setting holds for 4 bits as well.",
        )
    if held.get("llm_int8_enable_fp32_cpu_offload"):
        yield ConfigWarning(
            "llm_int8_enable_fp32_cpu_offload",
            "What lies on the CPU or the disk is not quantized: a model that is all on the CPU stays as it is. In "
            "spite of its name the setting holds for 4 bits as well.",
        )
