"""Parts of How it splits: the columns of its picture, the steps in words, the tables."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

import lmloupe as lm
from lmloupe.merges.side import spelling
from lmloupe.pipeline.changes import NormalizationChange
from lmloupe.pipeline.pattern import PatternPart, pattern_parts
from lmloupe.pipeline.pieces import PreTokenizerStep
from lmloupe.pipeline.words import TextWord
from ui.base.chips import visible
from ui.base.errors import escape_markdown
from ui.base.glossary.tables import data_table
from ui.base.words import counted, places
from ui.components.text_stages import Column
from ui.tokenizers.choice import Choice

__all__ = [
    "MAX_CHANGES",
    "MAX_TOKENS",
    "change_table",
    "columns_of",
    "loading_code",
    "pattern_table",
    "piece_counts",
    "shown_word",
    "steps_in_words",
]

MAX_CHANGES = 500
MAX_TOKENS = 600
"""Tokens in the picture."""


def columns_of(shown: lm.Stages, words: Sequence[TextWord]) -> list[Column]:
    """The columns of the picture: the tokens of these words, and what the tokenizer adds around all of them."""
    tok = shown.tokenizer
    columns = [_added(tok, i) for i in shown.added_in_front]
    pieces = shown.token_pieces.tolist()
    for number, word in enumerate(words):
        for i in range(word.first_token, word.last_token):
            start, end = shown.offsets[i].tolist()
            # The parts of an emoji share it: it is written once.
            source = visible(shown.text[max(start, int(shown.offsets[i - 1, 1]) if i else 0) : end])
            token_id = int(shown.input_ids[i])
            cut = i == 0 or pieces[i] != pieces[i - 1]
            columns.append(
                Column(source, _normal(tok, token_id, source), cut, visible(tok.piece(token_id)), token_id, number,
                       _kind(tok, token_id))
            )  # fmt: skip
    if not words or words[-1].last_token == len(shown.input_ids):
        columns += [_added(tok, i) for i in shown.added_behind]
    return columns


def _added(tok: lm.Tokenizer, token_id: int) -> Column:
    return Column("", "", False, visible(tok.piece(token_id)), token_id, -1, _kind(tok, token_id))


def _kind(tok: lm.Tokenizer, token_id: int) -> str:
    piece = tok.piece(token_id)
    return "special" if piece in tok.special_tokens else "added" if tok.is_added(token_id) else "text"


def _normal(tok: lm.Tokenizer, token_id: int, source: str) -> str:
    """What a token stands for, where it is whole characters; a part of one shows the character."""
    raw = tok.token_bytes(token_id)
    try:
        raw.decode()
    except UnicodeDecodeError:
        return source
    return spelling(raw)


def shown_word(words: Sequence[TextWord], text: str, place: int) -> int:
    """The word at this character; where nobody has chosen one, a long word in plain letters, which shows merging best.

    Bytes of other scripts are spelled in a cipher.
    """
    for number, word in enumerate(words):
        if word.start <= place < word.end:
            return number

    def telling(number: int) -> tuple[bool, int, int]:
        piece = text[words[number].start : words[number].end]
        return piece.strip().isalpha() and piece.isascii(), min(len(piece), 60), -number

    return max(range(len(words)), key=telling)


def steps_in_words(shown: lm.Stages) -> None:
    """Each of the four steps in sentences and tables."""
    st.subheader("1 Normalize", anchor=False)
    for step in shown.normalizer:
        st.markdown(f"**{step.name}**: {escape_markdown(step.meaning)}")
    changes = shown.changes(MAX_CHANGES)
    if changes:
        data_table(change_table(changes), hide_index=True, width="stretch", height=min(220, 36 * len(changes) + 40))
        if len(changes) == MAX_CHANGES:
            st.caption(f"The first {MAX_CHANGES} changes.")
    elif shown.normalizer:
        st.caption("It changed nothing in this text.")
    else:
        st.caption("This tokenizer has no normalizer: the text goes on as it is.")
    st.subheader(f"2 Cut into {counted(shown.n_pieces, 'piece')}", anchor=False)
    for made in shown.pre_tokenizer:
        st.markdown(f"**{made.step.name}**: {escape_markdown(made.step.meaning)} {piece_counts(made)}")
    if not shown.pre_tokenizer:
        st.caption("This tokenizer cuts nothing: all text is one piece, and merges may cross spaces.")
    parts = pattern_parts(shown.tokenizer)
    if parts:
        st.caption(f"Its pattern has {counted(len(parts), 'part')}; the first that matches wins.")
        data_table(pattern_table(parts), hide_index=True, width="stretch")
    st.subheader("3 Merge", anchor=False)
    st.caption("Of all neighbours, the pair with the lowest rank merges first; of equal ones, the leftmost.")
    st.subheader("4 Add", anchor=False)
    added = [*shown.added_in_front, *shown.added_behind]
    total = counted(len(shown.post_processed_ids), "id")
    if added:
        names = ", ".join(escape_markdown(f"{shown.tokenizer.piece(i)} ({i})") for i in added)
        st.caption(f"Added around the text: {names}. {total} in all.")
    else:
        st.caption(f"Nothing was added: {total} in all.")


def loading_code(name: str, uploaded: lm.Tokenizer | None) -> str:
    """The expression that loads the tokenizer in Python."""
    return Choice(name, uploaded).code


def change_table(changes: Sequence[NormalizationChange]) -> pd.DataFrame:
    """One row for each change: which step, where, from what to what; the first 500."""
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
    return f"It made {counted(len(made.cuts), 'cut')}."
