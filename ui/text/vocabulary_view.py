"""What the Vocabulary page shows: its tables, its charts, and how it reads what is typed into the search box."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

import lmloupe as lm
from lmloupe.vocabulary.compare import VocabularyOverlap, overlap
from lmloupe.vocabulary.counts import VocabularyStats, vocabulary_stats
from lmloupe.vocabulary.search import VocabularyMatches, search_vocabulary
from lmloupe.vocabulary.table import TOKEN_KINDS, VocabularyTable, vocabulary_table
from lmloupe.vocabulary.writing_systems import SCRIPT_CLASSES
from ui.base import theme
from ui.base.chips import visible
from ui.base.errors import escape_markdown
from ui.base.loaders import display_name, tokenizer
from ui.page import metrics_row
from ui.tokenizers.ids import parse_ids, parse_ranges

__all__ = [
    "KIND_HELP",
    "SEARCHES",
    "counted_bars",
    "draw_comparison",
    "length_histogram",
    "parse_id_range",
    "search",
    "search_arguments",
    "statistics",
    "token_table",
    "two_vocabularies",
    "vocabulary_frame",
]

SEARCHES: Mapping[str, tuple[str, str]] = {
    "text": ("Text", "Letters that the token holds; a space is a space, and capitals make no difference."),
    "bytes": ("Bytes", "Pairs of hexadecimal digits, such as e0 a4, anywhere in the token."),
    "regex": ("Regular expression", r"RE2's syntax, such as ^ ?\p{Thai}+$; (?i) at its beginning ignores capitals."),
    "ids": ("Ids", "Ids such as 9906 0, or the first and the last of a range, such as 100-200."),
}
"""Ways to search: the name that people see, and what to type."""

KIND_HELP = (
    "text: whole characters; control: with a control character; partial: a part of a character; byte: one byte; "
    "added: put in after training; special: a control token such as <|eot_id|>."
)
_EXAMPLES = 200


@st.cache_resource(max_entries=8, show_spinner=False)
def vocabulary_frame(name: str) -> pd.DataFrame:
    """Every token of a vocabulary, a row each, by id. Shared by all sessions: do not change it."""
    return _frame(tokenizer(name), vocabulary_table(tokenizer(name)))


def _frame(tok: lm.Tokenizer, table: VocabularyTable) -> pd.DataFrame:
    pieces = {i: piece for piece, i in tok.backend.get_vocab().items()}
    added = tok.backend.get_added_tokens_decoder()
    ids = table.ids.tolist()
    return pd.DataFrame(
        {
            "Id": table.ids,
            "Token": [_shown(raw) for raw in table.token_bytes],
            "Piece": [added[i].content if i in added else pieces[i] for i in ids],
            "Bytes": [raw.hex(" ") for raw in table.token_bytes],
            "Length": table.byte_lengths,
            "Kind": np.array(TOKEN_KINDS, object)[table.kinds],
            "Script": np.array(["", *SCRIPT_CLASSES[1:]], object)[table.scripts],
        },
        index=table.ids,
    )


def _shown(raw: bytes) -> str:
    try:
        return visible(raw.decode())
    except UnicodeDecodeError:
        return f"⟨{raw.hex(' ')}⟩"


def parse_id_range(typed: str, vocab_size: int) -> tuple[int, int] | list[int]:
    """What was typed as one range, ``100-200`` or ``100``, or as a list of ids, ``1 2 3``.

    Raises:
        lmloupe.InvalidSettingError: ids that the vocabulary does not have.
        lmloupe.InvalidIdError: what is typed is not ids.
    """
    ranges = parse_ranges(typed)
    first = min((low for low, _ in ranges), default=0)
    if not 0 <= first < vocab_size:
        raise lm.InvalidSettingError(f"There is no token {first}: the ids go from 0 to {vocab_size - 1}.")
    return ranges[0] if len(ranges) == 1 else parse_ids(typed)


def search_arguments(tok: lm.Tokenizer, typed: str, by: str) -> dict[str, Any]:
    """What `search_vocabulary` is called with; nothing typed finds every token.

    Raises:
        lmloupe.InvalidSettingError: ids that the vocabulary does not have.
        lmloupe.InvalidIdError: what is typed is not ids.
    """
    if not typed:
        return {}
    if by == "ids":
        return {"ids": parse_id_range(typed, tok.vocab_size)}
    return {"text": typed, "ignore_case": True} if by == "text" else {by: typed}


def search(tok: lm.Tokenizer, typed: str, by: str) -> VocabularyMatches:
    """All tokens that the page's search finds; see `search_vocabulary` for what it raises."""
    return search_vocabulary(tok, **search_arguments(tok, typed, by), limit=tok.vocab_size)


@st.cache_resource(max_entries=8, show_spinner=False)
def statistics(name: str) -> VocabularyStats:
    """Counts of a vocabulary; some seconds at the first time, since every token is encoded again."""
    return vocabulary_stats(tokenizer(name))


@st.cache_resource(max_entries=8, show_spinner=False)
def two_vocabularies(name: str, other: str) -> VocabularyOverlap:
    """Which pieces two vocabularies share."""
    return overlap(tokenizer(name), tokenizer(other))


def counted_bars(counts: Mapping[str, int], most: int = 14) -> go.Figure:
    """Horizontal bars of tokens by kind or script, the longest first, on a logarithmic axis; the smallest left out."""
    named: Sequence[tuple[str, int]] = sorted(((k, n) for k, n in counts.items() if n), key=lambda pair: -pair[1])
    labels, values = [name for name, _ in named[:most]], [n for _, n in named[:most]]
    figure = go.Figure(
        go.Bar(
            x=values,
            y=labels,
            orientation="h",
            text=[f"{n:,}" for n in values],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:,} tokens<extra></extra>",
        )
    )
    figure.update_layout(**theme.chart_layout(x_title="tokens (logarithmic)", height=24 * len(labels) + 70))
    # A decade to spare on the right, for the numbers behind the bars.
    figure.update_xaxes(type="log", range=[-0.3, np.log10(max(values, default=1)) + 0.9], dtick=1)
    figure.update_yaxes(type="category", autorange="reversed", ticksuffix=" ")
    return figure


def length_histogram(counts: NDArray[np.int64], most: int = 32) -> go.Figure:
    """How many tokens have each length in characters, up to ``most``."""
    lengths = np.arange(1, min(len(counts), most + 1))
    figure = go.Figure(
        go.Bar(x=lengths, y=counts[lengths], hovertemplate="%{x} characters: %{y:,} tokens<extra></extra>")
    )
    figure.update_layout(**theme.chart_layout(x_title="characters in the token", y_title="tokens", height=300))
    return figure


def token_table(name: str, ids: list[int], height: int | Literal["auto"] = "auto") -> None:
    """Draw those tokens, row by row; a long table is read from the server as a person scrolls."""
    config = {
        "Token": st.column_config.TextColumn(help="The token's text; ␣ ⏎ ⇥ stand for white space."),
        "Piece": st.column_config.TextColumn(help="As the tokenizer's file spells it."),
        "Bytes": st.column_config.TextColumn(help="What the token puts into a text, in hexadecimal.", width="medium"),
        "Length": st.column_config.NumberColumn(help="In bytes."),
        "Kind": st.column_config.TextColumn(help=KIND_HELP),
        "Script": st.column_config.TextColumn(help="The writing system of its letters, or what it holds instead."),
    }
    rows = vocabulary_frame(name).loc[ids]
    st.dataframe(rows, hide_index=True, width="stretch", height=height, column_config=config, lazy=True)


def draw_comparison(name: str, other: str) -> None:
    """Draw what two vocabularies share, and the first pieces that each has alone."""
    both = two_vocabularies(name, other)
    titles = escape_markdown(display_name(name)), escape_markdown(display_name(other))
    metrics_row(
        [
            ("In both", f"{both.n_shared:,} pieces", "Special tokens are left out."),
            (f"Of {titles[0]}", f"{both.share_of_a:.1%}"),
            (f"Of {titles[1]}", f"{both.share_of_b:.1%}"),
            ("Of all pieces", f"{both.jaccard:.1%}", "Shared pieces among those that either has (Jaccard index)."),
        ]
    )
    sides = zip(st.columns(2), titles, (name, other), (both.only_a_ids, both.only_b_ids), strict=True)
    for column, title, key, ids in sides:
        with column:
            st.markdown(f"**Only in {title}: {len(ids):,}**" + (", the first of them" if len(ids) > _EXAMPLES else ""))
            rows = vocabulary_frame(key).loc[ids[:_EXAMPLES], ["Id", "Token", "Script"]]
            st.dataframe(rows, hide_index=True, width="stretch", height=280)
