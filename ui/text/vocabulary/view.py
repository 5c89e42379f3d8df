"""What the Vocabulary page shows: its tables, its charts and their findings, and how it reads what is searched."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar

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
from ui.base.glossary.tables import data_table
from ui.base.loaders import tokenizer
from ui.base.words import counted, percent
from ui.page import finding
from ui.tokenizers.choice import Choice
from ui.tokenizers.ids import parse_ids, parse_ranges

__all__ = [
    "KIND_HELP",
    "SEARCHES",
    "counted_bars",
    "counts_tables",
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
    "text": ("Text", "Letters in the token; a space is a space, and capitals make no difference."),
    "bytes": ("Bytes", "Pairs of hexadecimal digits, such as e0 a4, anywhere in the token."),
    "regex": ("Regular expression", r"RE2's syntax, such as ^ ?\p{Thai}+$; (?i) at its beginning ignores capitals."),
    "ids": ("Ids", "Ids such as 9906 0, or the first and the last of a range, such as 100-200."),
}
"""Ways to search: the name that people see, and what to type."""

KIND_HELP = (
    "text: whole characters; control: with a control character; partial: a part of a character; byte: one byte; "
    "added: added after training; special: a control token such as <|eot_id|>."
)
_EXAMPLES = 200
T = TypeVar("T")


@st.cache_resource(max_entries=8, show_spinner=False)
def _embedded_frame(name: str) -> pd.DataFrame:
    return _frame(tokenizer(name), vocabulary_table(tokenizer(name)))


@st.cache_resource(max_entries=8, show_spinner=False)
def _embedded_statistics(name: str) -> VocabularyStats:
    return vocabulary_stats(tokenizer(name))


@st.cache_resource(max_entries=8, show_spinner=False)
def _embedded_overlap(name: str, other: str) -> VocabularyOverlap:
    return overlap(tokenizer(name), tokenizer(other))


def _in_session(what: str, made_of: tuple[lm.Tokenizer, ...], make: Callable[[], T]) -> T:
    """The answer for a tokenizer that this session uploaded: kept in it, and in no cache that serves all sessions."""
    kept: dict[str, tuple[tuple[lm.Tokenizer, ...], Any]] = st.session_state.setdefault("own_vocabularies", {})
    if what not in kept or any(one is not two for one, two in zip(kept[what][0], made_of, strict=True)):
        kept[what] = made_of, make()
    answer: T = kept[what][1]
    return answer


def vocabulary_frame(choice: Choice) -> pd.DataFrame:
    """Every token of a vocabulary, a row each, by id. Kept: do not change it."""
    if choice.uploaded is None:
        return _embedded_frame(choice.name)
    tok = choice.uploaded
    return _in_session(f"frame {choice.name}", (tok,), lambda: _frame(tok, vocabulary_table(tok)))


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


def statistics(choice: Choice) -> VocabularyStats:
    """Counts of a vocabulary; some seconds at the first time, since every token is encoded again."""
    if choice.uploaded is None:
        return _embedded_statistics(choice.name)
    tok = choice.uploaded
    return _in_session(f"statistics {choice.name}", (tok,), lambda: vocabulary_stats(tok))


def two_vocabularies(choice: Choice, other: Choice) -> VocabularyOverlap:
    """Which pieces two vocabularies share."""
    if choice.uploaded is None and other.uploaded is None:
        return _embedded_overlap(choice.name, other.name)
    toks = choice.load(), other.load()
    return _in_session("overlap", toks, lambda: overlap(*toks))


def counted_bars(counts: Mapping[str, int], colour: str, most: int = 12) -> go.Figure:
    """Horizontal bars of tokens by kind or script, the longest first, from zero; the smallest left out."""
    named: Sequence[tuple[str, int]] = sorted(((k, n) for k, n in counts.items() if n), key=lambda pair: -pair[1])
    labels, values = [name for name, _ in named[:most]], [n for _, n in named[:most]]
    figure = go.Figure(
        go.Bar(
            x=values,
            y=labels,
            orientation="h",
            marker_color=colour,
            text=[f"{n:,}" for n in values],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:,} tokens<extra></extra>",
        )
    )
    figure.update_layout(**theme.chart_layout(x_title="tokens", height=26 * len(labels) + 70))
    # Room on the right for the numbers behind the bars.
    figure.update_xaxes(range=[0, 1.2 * max(values, default=1)], nticks=4)
    figure.update_yaxes(type="category", autorange="reversed", ticksuffix=" ")
    return figure


def length_histogram(counts: NDArray[np.int64], colour: str, most: int = 32) -> go.Figure:
    """How many tokens have each length in characters, up to ``most``."""
    lengths = np.arange(1, min(len(counts), most + 1))
    figure = go.Figure(
        go.Bar(
            x=lengths,
            y=counts[lengths],
            marker_color=colour,
            hovertemplate="%{x} characters: %{y:,} tokens<extra></extra>",
        )
    )
    figure.update_layout(**theme.chart_layout(x_title="characters in the token", y_title="tokens", height=260))
    return figure


def counts_tables(stats: VocabularyStats) -> None:
    """Draw what the three charts show as tables."""
    with st.expander("These counts as tables"):
        columns = st.columns(3)
        lengths = {str(n): int(count) for n, count in enumerate(stats.char_length_counts) if count}
        for column, name, counts in zip(
            columns, ("Script", "Kind", "Characters"), (stats.scripts, stats.kinds, lengths), strict=True
        ):
            table = pd.DataFrame({name: list(counts), "Tokens": list(counts.values())})
            column.dataframe(table, hide_index=True, width="stretch", height=280)


def token_table(choice: Choice, ids: list[int], height: int | Literal["auto"] = "auto") -> None:
    """Draw those tokens, row by row; a long table is read from the server as a person scrolls."""
    config = {
        "Token": st.column_config.TextColumn(help="The token's text; ␣ ⏎ ⇥ stand for white space.", width="medium"),
        "Piece": st.column_config.TextColumn(help="As the tokenizer's file spells it.", width="medium"),
        "Bytes": st.column_config.TextColumn(help="What the token puts into a text, in hexadecimal.", width="medium"),
        "Length": st.column_config.NumberColumn(help="In bytes."),
        "Kind": st.column_config.TextColumn(help=KIND_HELP),
        "Script": st.column_config.TextColumn(help="The writing system of its letters, or what it has instead."),
    }
    rows = vocabulary_frame(choice).loc[ids]
    data_table(rows, hide_index=True, width="stretch", height=height, column_config=config, lazy=True)


def draw_comparison(choice: Choice, other: Choice) -> None:
    """Draw what two vocabularies share, and the first pieces that each has alone."""
    both = two_vocabularies(choice, other)
    finding(
        f"{choice.label} and {other.label} share {counted(both.n_shared, 'token')}: {percent(both.share_of_a)} of "
        f"{choice.label}, {percent(both.share_of_b)} of {other.label}"
    )
    sides = zip(st.columns(2), (choice, other), (both.only_a_ids, both.only_b_ids), strict=True)
    for column, one, ids in sides:
        with column:
            first = f"; the first {_EXAMPLES}" if len(ids) > _EXAMPLES else ""
            st.markdown(f"**Only in {escape_markdown(one.label)}: {counted(len(ids), 'token')}**{first}")
            rows = vocabulary_frame(one).loc[ids[:_EXAMPLES], ["Id", "Token", "Script"]]
            data_table(rows, hide_index=True, width="stretch", height=280)
    st.caption("Tokens are compared by their bytes, however each file spells them. Special tokens are left out.")
