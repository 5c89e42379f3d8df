"""Weights that are published quantized: how they are stored, by the quantization_config that comes with them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lmloupe.errors import UnsupportedError
from lmloupe.model.precision import Precision
from lmloupe.planner.makeup import Makeup, ParameterGroup
from lmloupe.planner.storage import Format, format_of

__all__ = ["stored_already"]

_COUNTED = "bitsandbytes, GPTQ, AWQ, 8-bit floats in tiles (fp8) and MXFP4"


def stored_already(settings: Mapping[str, Any], makeup: Makeup) -> tuple[Makeup, Format]:
    """The makeup with the groups marked that such weights store in few bits, and how they store them.

    Raises:
        UnsupportedError: a method whose bytes cannot be counted from a config.
    """
    method = str(settings.get("quant_method") or ("bitsandbytes" if _bitsandbytes(settings) else "")).lower()
    skipped = settings.get("modules_to_not_convert") or settings.get("llm_int8_skip_modules") or []
    skip = [each for each in skipped if isinstance(each, str)] if isinstance(skipped, list) else []
    experts_only, with_experts = False, False
    if method == "bitsandbytes":
        found = format_of(_bitsandbytes(settings) or Precision("int8"))
    elif method in ("gptq", "awq"):
        found = _by_groups(method, settings)
    elif method == "fp8":
        found, with_experts = _tiles(settings), True
    elif method == "mxfp4":
        found, experts_only = format_of(Precision("mxfp4")), True
    else:
        found = None
    if found is None:
        raise UnsupportedError(
            f"The weights are quantized already, by {method[:40] or 'an unnamed method'}, whose bytes LM Loupe cannot "
            f"count from a config (it can for {_COUNTED}): plan for the repository of the original weights."
        )
    if method == "mxfp4":
        found = replace(found, label="MXFP4")

    def kept(group: ParameterGroup) -> bool:
        path = group.name.replace(".*", "").removesuffix(".weight")
        return any(re.sub(r"\.\d+", "", each) in path for each in skip)

    def marked(group: ParameterGroup) -> ParameterGroup:
        packed = len(group.shape) > 2 and group.role == "experts" and group.name.endswith("proj")
        is_matrix = packed if experts_only else group.quantized or (with_experts and packed)
        return replace(group, quantized=is_matrix and not kept(group))

    return replace(makeup, groups=tuple(marked(group) for group in makeup.groups)), found


def _bitsandbytes(settings: Mapping[str, Any]) -> Precision | None:
    if settings.get("load_in_4bit") or settings.get("_load_in_4bit"):
        kind = settings.get("bnb_4bit_quant_type", "fp4")
        if kind in ("nf4", "fp4"):
            return Precision(kind, double_quant=bool(settings.get("bnb_4bit_use_double_quant")))
        return None
    return Precision("int8") if settings.get("load_in_8bit") or settings.get("_load_in_8bit") else None


def _by_groups(method: str, settings: Mapping[str, Any]) -> Format | None:
    bits = settings.get("bits", settings.get("w_bit", 4))
    group = settings.get("group_size", settings.get("q_group_size", 128))
    if bits not in (2, 3, 4, 8) or isinstance(group, bool) or not isinstance(group, int) or not -1 <= group <= 1 << 16:
        return None
    whole = "whole rows" if group in (-1, 0) else f"groups of {group}"
    # A float16 scale and a zero point of as many bits as a code; GPTQ also keeps each column's group, an int32.
    columns = 32 if method == "gptq" else 0
    return Format(f"{method.upper()}, {bits} bits, {whole}", bits, max(group, 0), 16 + bits, column_bits=columns)


def _tiles(settings: Mapping[str, Any]) -> Format | None:
    tile = settings.get("weight_block_size", [128, 128])
    if tile is None:
        return Format("8-bit floats", 8, 0, 0, whole_bits=32)
    sound = isinstance(tile, list) and len(tile) == 2 and all(type(n) is int and 0 < n <= 1 << 16 for n in tile)
    if not sound:
        return None
    rows, columns = tile
    return Format(f"8-bit floats, tiles of {rows} x {columns}", 8, columns, 32, rows=rows)
