"""Tables of the Pipeline page."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from lmloupe.normalization import NormalizationChange
from lmloupe.pattern import PatternPart
from lmloupe.pre_tokens import PreTokenizerStep
from ui.chips import visible

__all__ = ["change_table", "pattern_table", "piece_counts"]

MAX_CHANGES = 500


def change_table(changes: Sequence[NormalizationChange]) -> pd.DataFrame:
    """One row a change: which step, where, from what to what; the first 500."""
    return pd.DataFrame(
        {
            "Step": [change.step_name for change in changes[:MAX_CHANGES]],
            "Characters": [f"{change.start}–{change.end}" for change in changes[:MAX_CHANGES]],
            "Before": [_spelled(change.before) for change in changes[:MAX_CHANGES]],
            "After": [_spelled(change.after) for change in changes[:MAX_CHANGES]],
        }
    )


def _spelled(text: str) -> str:
    # Two ways to write é look alike: the code points tell them apart.
    points = " ".join(f"U+{ord(char):04X}" for char in text[:8])
    return f"{visible(text)}  ({points})" if text else "nothing"


def pattern_table(parts: Sequence[PatternPart]) -> pd.DataFrame:
    """One row an alternative of the pattern."""
    return pd.DataFrame(
        {
            "Step": [part.step_name for part in parts],
            "Part": [part.pattern for part in parts],
            "What it takes": [part.meaning for part in parts],
            "Such as": [visible(part.example) for part in parts],
        }
    )


def piece_counts(made: PreTokenizerStep) -> str:
    """How many cuts a step made, in words."""
    n = len(made.cuts)
    return f"It made {n:,} cuts." if n != 1 else "It made one cut."
