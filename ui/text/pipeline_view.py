"""Parts of the Pipeline page: whose pipeline it is, and the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

import lmloupe as lm
from lmloupe.pipeline.changes import NormalizationChange
from lmloupe.pipeline.pattern import PatternPart
from lmloupe.pipeline.pieces import PreToken, PreTokenizerStep
from ui.base.chips import chips, visible
from ui.base.errors import escape_markdown
from ui.base.loaders import display_name
from ui.base.words import places
from ui.tokenizers.upload import PREFIX

__all__ = [
    "MAX_CHANGES",
    "change_table",
    "choose_source",
    "loading_code",
    "pattern_table",
    "piece_counts",
    "piece_tokens",
]

MAX_CHANGES = 500


def choose_source(name: str, uploads: Mapping[str, lm.Tokenizer]) -> str:
    """Whose pipeline to show: the tokenizer that the pages share, or one that this session uploaded."""
    if not uploads:
        return name
    options = [name, *uploads]
    # A new key with each set of uploads: the file that has just come is the one to look at.
    chosen = st.segmented_control(
        "Whose pipeline",
        options,
        default=options[-1],
        format_func=lambda option: escape_markdown(display_name(option)),
        key="pipeline_of_" + "_".join(uploads),
        help="The tokenizer chosen above, or one of your own files.",
    )
    return options[-1] if chosen is None else chosen


def loading_code(name: str, uploaded: lm.Tokenizer | None) -> str:
    """The expression that loads the tokenizer in Python."""
    if uploaded is None:
        return f"lm.load_tokenizer({name!r})"
    file = uploaded.name.removeprefix(PREFIX)
    return f'lm.load_tokenizer_file(open({file!r}, "rb").read(), {uploaded.name!r})'


def piece_tokens(tok: lm.Tokenizer, piece: PreToken) -> None:
    """The tokens of one piece, for a tokenizer whose model replays no merges."""
    if piece.ids:
        chips([tok.piece(i) for i in piece.ids], below=[str(i) for i in piece.ids])
    st.caption(f"{len(piece.ids)} tokens, each with its id." if len(piece.ids) != 1 else "One token, with its id.")


def change_table(changes: Sequence[NormalizationChange]) -> pd.DataFrame:
    """One row a change: which step, where, from what to what; the first 500."""
    return pd.DataFrame(
        {
            "Step": [change.step_name for change in changes[:MAX_CHANGES]],
            "Characters": [places(change.start, change.end) for change in changes[:MAX_CHANGES]],
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
