"""Read a quantization config: what `lmloupe.explain_quantization` warns of, with the line to change."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from lmloupe.diagnose.pattern import address
from lmloupe.diagnose.places import Places
from lmloupe.diagnose.results import Diagnosis
from lmloupe.errors import InvalidSettingError
from lmloupe.precision.explain.check import DEFAULTS
from lmloupe.precision.explain.explain import explain_quantization
from lmloupe.precision.explain.results import ConfigWarning, ExplainedConfig

__all__ = ["config_findings", "looks_like_config"]

_MARKS = ("BitsAndBytesConfig", "quantization_config", "quant_method", "load_in_4bit", "load_in_8bit", "bnb_4bit_")
_MAX_CONFIG, _MAX_IN_LINK = 100_000, 6_000
_WORDS_OF_PROSE = 12
_CODE = ("#", '"', "'", "{", "[", "(")
# How the warning of a setting that nobody wrote begins, and what to write in Python and in JSON.
_DEFAULTS = {
    "bnb_4bit_quant_type": ("fp4 is stored", 'bnb_4bit_quant_type="nf4",', '"bnb_4bit_quant_type": "nf4"'),
    "bnb_4bit_compute_dtype": (
        "Products are computed in float32",
        "bnb_4bit_compute_dtype=torch.bfloat16,",
        '"bnb_4bit_compute_dtype": "bfloat16"',
    ),
    "bnb_4bit_use_double_quant": (
        "Double quantization is off",
        "bnb_4bit_use_double_quant=True,",
        '"bnb_4bit_use_double_quant": true',
    ),
}


def looks_like_config(text: str) -> bool:
    """Whether a text has a quantization config in it, in Python or in JSON."""
    return len(text) <= _MAX_CONFIG and any(mark in text for mark in _MARKS)


def config_findings(places: Places) -> Iterator[Diagnosis]:
    """What surprises in the first quantization config of a text; that nothing does, where so."""
    text = places.text
    page = address("explain_config", config_text=text) if len(text) <= _MAX_IN_LINK else address("explain_config")
    try:
        found = explain_quantization(text)
    except InvalidSettingError as error:  # the answer: with line and column where it cannot be read
        if _is_prose(text):
            return
        yield _diagnosis(
            places, "config_not_read", 1, means="This config cannot be read as it stands.", why=str(error), page=page
        )
        return
    for number, warning in enumerate(found.warnings):
        name = warning.setting or "whole"
        line = _line_of(places, found, warning.setting)
        before, after = _change(places, line, warning, found)
        means, _, why = warning.sentence.partition(". ") if ". " in warning.sentence else (warning.sentence, "", "")
        yield _diagnosis(
            places, f"config_{name}_{number}", line, means=f"{means.rstrip('.')}.",
            why=why or next((one.does for one in found.settings if one.name == warning.setting), found.outcome),
            before=before, after=after, page=page,
        )  # fmt: skip
    if not found.warnings:
        yield _diagnosis(
            places,
            "config_in_order",
            found.line,
            means="Nothing in this config surprises.",
            why=found.outcome,
            page=page,
        )


def _is_prose(text: str) -> bool:
    """Whether sentences stand in it: a README that names a setting is no config."""
    lines = (line.strip() for line in text.split("\n"))
    return any(
        len(line.split()) >= _WORDS_OF_PROSE and not line.startswith(_CODE) and "=" not in line for line in lines
    )


def _line_of(places: Places, found: ExplainedConfig, setting: str) -> int:
    said = next((one.line for one in found.settings if one.name == setting and one.line), 0)
    if said or not setting:
        return said or found.line
    place = places.text.find(f'"{setting}"')  # in JSON, which has no syntax tree with lines
    return places.line_of(place) if place >= 0 else found.line


def _change(places: Places, line: int, warning: ConfigWarning, found: ExplainedConfig) -> tuple[str, str]:
    """The line of the text, and how it should read; two empty texts where there is no one line to change."""
    start, end = places.of_line(line)
    written, name = places.text[start:end].strip(), warning.setting
    if name in _DEFAULTS and warning.sentence.startswith(_DEFAULTS[name][0]):
        if found.form not in ("call", "keywords"):
            return "", _DEFAULTS[name][2]
        return "", _DEFAULTS[name][1]
    if name and name not in DEFAULTS and name in written:
        near = difflib.get_close_matches(name, DEFAULTS, n=1, cutoff=0.75)
        return (written, written.replace(name, near[0])) if near else ("", "")
    needless = "does nothing here" in warning.sentence or "Leave one of them out" in warning.sentence
    if name and name in written and needless:
        return (written, "# left out") if written.count("=") <= 1 else ("", "")
    if "T4" in warning.sentence and "bfloat16" in written:
        return written, written.replace("bfloat16", "float16") + "  # on a T4"
    return "", ""


def _diagnosis(
    places: Places, key: str, line: int, *, means: str, why: str, before: str = "", after: str = "", page: str = ""
) -> Diagnosis:
    start, end = places.of_line(line)
    return Diagnosis(key, "config", means, why, before, after, start, end, line, 1, page, "")
