"""What is said about a quantization config: plain data, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from lmloupe.model.precision import Precision

__all__ = ["ConfigForm", "ConfigSetting", "ConfigWarning", "ExplainedConfig"]

ConfigForm: TypeAlias = Literal["call", "keywords", "dict", "json", "config.json"]


@dataclass(frozen=True, slots=True)
class ConfigSetting:
    """One setting of a config.

    Attributes:
        name: its keyword, ``"bnb_4bit_quant_type"``.
        value: its effective value as Python writes it, ``"'fp4'"``, ``"torch.float32"``; the source where not read.
        is_said: the text says it; otherwise it is the default.
        is_read: its value is a literal one; otherwise nobody knows it without running the text.
        acts: it changes what this config does.
        does: what it does here, one or two sentences.
        is_surprising: it is not what most people take it for; one of the warnings says why.
        line: where it is said, from 1; 0 for a default and in JSON.
    """

    name: str
    value: str
    is_said: bool
    is_read: bool
    acts: bool
    does: str
    is_surprising: bool
    line: int


@dataclass(frozen=True, slots=True)
class ConfigWarning:
    """One thing about a config that surprises people.

    Attributes:
        setting: the keyword that it is about; empty for the whole.
        sentence: what is so, and what to write for what was probably meant.
    """

    setting: str
    sentence: str


@dataclass(frozen=True, slots=True)
class ExplainedConfig:
    """What a quantization config really does.

    Attributes:
        form: ``"call"`` of a class, ``"keywords"`` of ``from_pretrained``, ``"dict"`` of Python, ``"json"`` object,
            or a whole ``"config.json"``.
        method: as transformers names it, ``"bitsandbytes"``, ``"gptq"``; ``"none"`` where nothing is quantized.
        line: where the config begins in the text, from 1.
        outcome: what becomes of the weights, in a sentence.
        refused: transformers' own error, ``"TypeError: llm_int8_threshold must be a float"``; empty where it takes the
            config.
        settings: every setting; of bitsandbytes those with their defaults too, in the order of the class.
        warnings: what surprises, the weightiest first.
        effective: value by setting as the real object of transformers holds it, dtypes by their names (``"float32"``);
            of bitsandbytes only, empty where refused, and without what was not read.
        weights: how the matrices end: ``"nf4"``, ``"fp4"``, ``"int8"``, ``"none"`` where they stay as they are; empty
            where nobody can say.
        bits_per_weight: of one weight in a quantized matrix with its share of the scales: 4.5 for nf4; of int8 without
            its one scale (4 bytes) a row. None where they stay as they are or nobody can say.
        precision: the same as `lmloupe.Precision`; None where there is none that does the same.
        in_lmloupe: one line of Python that loads the same, or the sentence why there is none.
        model: the model that the text loads, where it says so by a literal name; else empty.
        n_configs: how many configs the text has; the first is explained.
    """

    form: ConfigForm
    method: str
    line: int
    outcome: str
    refused: str
    settings: tuple[ConfigSetting, ...]
    warnings: tuple[ConfigWarning, ...]
    effective: Mapping[str, object]
    weights: str
    bits_per_weight: float | None
    precision: Precision | None
    in_lmloupe: str
    model: str
    n_configs: int
