"""A block as the component draws it, and as tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

import lmloupe as lm
from ui.components.block_view import BlockPicture, Level, Weight
from ui.precision.block import words

__all__ = ["block_picture", "block_table", "double_picture", "double_table", "level_table", "told"]


def told(block: lm.QuantizationBlock, wanted: int) -> int:
    """The weight whose arithmetic is told: the wanted one, or the one with the largest error."""
    if 0 <= wanted < len(block.codes):
        return wanted
    return int(np.abs(block.errors).argmax()) if len(block.errors) else 0


def block_picture(block: lm.QuantizationBlock, all_blocks: lm.MatrixBlocks | None) -> BlockPicture:
    """The block between its levels, with the whole matrix behind it where that has been counted."""
    kept = len(block.values) > 0
    weights = tuple(
        Weight(
            value=float(block.values[i]) if kept else None,
            back=float(block.back[i]),
            code=words.number(int(block.codes[i])),
            steps=words.steps(block, i),
            arithmetic=words.arithmetic(block, i),
            where=f"row {block.rows[i] + 1:,}, column {block.columns[i] + 1:,}",
        )
        for i in range(len(block.codes))
    )
    uses = np.bincount(np.searchsorted(block.levels, block.chosen), minlength=len(block.levels))
    levels = tuple(
        Level(_at(block, float(level)), words.number(float(level)), words.number(int(code)), int(n))
        for level, code, n in zip(block.levels, block.level_codes, uses, strict=True)
    )
    edges: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()
    everything = ""
    if all_blocks is not None:
        # The axis of int4 counts codes, whose zero lies elsewhere in each group.
        shift = block.zero if block.precision.weights == "int4_g128" else 0
        edges = tuple(float(edge - shift) * block.scale for edge in all_blocks.edges.tolist())
        counts = tuple(all_blocks.counts.tolist())
        rows, columns = block.shape
        everything = f"all {rows * columns:,} weights of the matrix, each by its own scale"
    groups: dict[int, list[int]] = {}
    for i in sorted(range(len(block.byte_of)), key=lambda i: not block.in_high[i]):
        groups.setdefault(int(block.byte_of[i]), []).append(i)
    packed = tuple((f"{int(block.packed[place]):02X}", tuple(of)) for place, of in sorted(groups.items()))
    return BlockPicture(weights, levels, edges, counts, packed, "weight", everything)


def _at(block: lm.QuantizationBlock, level: float) -> float:
    """Where a level lies among the weights: exactly where what comes back lies."""
    same = np.flatnonzero(block.chosen == np.float32(level))
    return float(block.back[same[0]]) if len(same) else float(np.float32(level) * np.float32(block.scale))


def double_picture(double: lm.DoubleQuantization) -> BlockPicture:
    """The scales of one block of 256 between the 256 levels, all taken as distances from the mean."""
    kept = len(double.scales) > 0
    scales = tuple(
        Weight(
            value=float(double.shifted[i]) if kept else None,
            back=float(double.levels[code] * np.float32(double.second_absmax)),
            code=str(code),
            steps=words.double_steps(double, i),
            arithmetic=words.double_arithmetic(double, i),
            where=f"scale {double.block * 256 + i + 1:,} of {double.n_scales:,} in the matrix",
        )
        for i, code in enumerate(double.codes.tolist())
    )
    uses = np.bincount(double.codes, minlength=256)
    levels = tuple(
        Level(float(level * np.float32(double.second_absmax)), words.number(float(level)), str(code), int(uses[code]))
        for code, level in enumerate(double.levels)
    )
    packed = tuple((f"{code:02X}", (i,)) for i, code in enumerate(double.codes.tolist()))
    return BlockPicture(scales, levels, (), (), packed, "scale", "")


def block_table(block: lm.QuantizationBlock) -> pd.DataFrame:
    """One row a weight, every number of it."""
    table: dict[str, object] = {"Row": block.rows + 1, "Column": block.columns + 1}
    if len(block.values):
        table |= {"Weight": block.values, "Scaled": block.scaled}
    table |= {"Level": block.chosen, "Code": block.codes}
    if len(block.packed):
        table |= {
            "Byte": block.byte_of + 1,
            "Byte in hexadecimal": [f"{int(block.packed[place]):02X}" for place in block.byte_of],
        }
    table |= {"Back": block.back}
    return pd.DataFrame(table | ({"Error": block.errors} if len(block.errors) else {}))


def level_table(block: lm.QuantizationBlock, all_blocks: lm.MatrixBlocks | None) -> pd.DataFrame:
    """One row a level: its code, and how many weights are stored as it."""
    uses = np.bincount(np.searchsorted(block.levels, block.chosen), minlength=len(block.levels))
    table: dict[str, object] = {"Code": block.level_codes, "Level": block.levels, "In this block": uses}
    if all_blocks is not None and len(all_blocks.levels) == len(block.levels):
        table["In the matrix"] = all_blocks.level_counts
    return pd.DataFrame(table)


def double_table(double: lm.DoubleQuantization) -> pd.DataFrame:
    """One row a scale of the block of 256."""
    table: dict[str, object] = {"Scale": np.arange(len(double.codes)) + double.block * 256 + 1}
    if len(double.scales):
        table |= {"Absmax": double.scales, "Minus the mean": double.shifted, "Scaled": double.scaled}
    return pd.DataFrame(table | {"Level": double.levels[double.codes], "Code": double.codes, "Back": double.back})
