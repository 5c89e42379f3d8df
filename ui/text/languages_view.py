"""What the Languages page shows: fertility of many languages, and what a text costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

import lmloupe as lm
from lmloupe.encodings.budget import context_share, cut, price
from lmloupe.languages.fertility import Fertility, fertility
from lmloupe.languages.parallel_texts import Language, code_samples, load_parallel, parallel_languages
from ui.base import theme
from ui.base.chips import visible
from ui.base.errors import escape_plotly
from ui.base.loaders import display_name, tokenizer

__all__ = [
    "CODE_SAMPLES",
    "baseline_name",
    "budget_table",
    "draw_fertility",
    "fertility_of",
    "fertility_table",
    "language_bars",
    "load_texts",
    "parallel_file",
    "what_it_means",
]

CODE_SAMPLES = "code"
"""What to pass for the programming languages where a person's file could be."""

_SYMBOLS = ("diamond", "circle", "square", "triangle-up", "x", "cross", "star", "pentagon")
_BAR_HEIGHT = 17


@st.cache_resource(max_entries=4, show_spinner=False)
def load_texts(source: bytes | str | None) -> tuple[Language, ...]:
    """The project's sentences (None), its programs (`CODE_SAMPLES`), or a person's file as its bytes.

    Raises:
        lmloupe.LoupeError: the file is not a parallel text; see `load_parallel`.
    """
    if source is None:
        return parallel_languages()
    return code_samples() if source == CODE_SAMPLES else load_parallel(source)


@st.cache_resource(max_entries=64, show_spinner=False)
def fertility_of(name: str, source: bytes | str | None = None) -> Fertility:
    """Tokens of those texts under one tokenizer; kept by the tokenizer's name and the file's bytes."""
    return fertility(tokenizer(name), load_texts(source))


def fertility_table(found: Fertility) -> pd.DataFrame:
    """One row a language, most tokens first; None where words are not spaced."""
    order = np.argsort(-found.n_tokens, kind="stable")
    languages = [found.languages[i] for i in order]
    return pd.DataFrame(
        {
            "Language": [language.name for language in languages],
            "Relative": found.relative[order],
            "Tokens": found.n_tokens[order],
            "Per word": [None if np.isnan(x) else float(x) for x in found.tokens_per_word[order]],
            "Per character": found.tokens_per_char[order],
        }
    )


def baseline_name(found: Fertility) -> str:
    """The language that the others are compared with."""
    return next(language.name for language in found.languages if language.code == found.baseline)


def what_it_means(found: Fertility, context_length: int) -> str:
    """One sentence: what the costliest language pays."""
    worst = int(np.argmax(found.relative))
    times, base = float(found.relative[worst]), baseline_name(found)
    if not times > 1:
        return f"No language here costs more tokens than {base}."
    return (
        f"The same sentences cost {times:.1f} times the tokens in {found.languages[worst].name} that they cost in "
        f"{base}: {times:.1f} times the price, about {times:.1f} times the wait, and a context of {context_length:,} "
        f"tokens holds what {int(context_length / times):,} tokens hold in {base}."
    )


def language_bars(table: pd.DataFrame, name: str, others: Mapping[str, Fertility], x_title: str) -> go.Figure:
    """Bars of one tokenizer as `fertility_table` gives them, and a mark for each of the others on every bar's row."""
    places = list(range(len(table)))
    labels = [escape_plotly(language) for language in table["Language"]]
    bar = go.Bar(
        x=table["Relative"],
        y=places,
        orientation="h",
        name=escape_plotly(name),
        customdata=labels,
        text=[f"{value:.2f}" for value in table["Relative"]],
        textposition="inside",
        insidetextanchor="start",
        textangle=0,
        constraintext="none",
        textfont_size=11,
        insidetextfont_color=theme.ink(on_accent=True),
        hovertemplate="%{customdata}: %{x:.2f}<extra>" + escape_plotly(name) + "</extra>",
    )
    figure = go.Figure(bar)
    for (other, found), symbol in zip(others.items(), _SYMBOLS, strict=False):
        relative = {language.name: value for language, value in zip(found.languages, found.relative, strict=True)}
        figure.add_scatter(
            x=[relative[language] for language in table["Language"]],
            y=places,
            mode="markers",
            name=escape_plotly(other),
            # A light rim on a dark core or the other way round shows on the bar and beside it.
            marker={
                "symbol": symbol,
                "size": 8,
                "color": theme.ink(),
                "line": {"width": 1, "color": theme.ink(on_accent=True)},
            },
            customdata=labels,
            hovertemplate="%{customdata}: %{x:.2f}<extra>" + escape_plotly(other) + "</extra>",
        )
    layout = theme.chart_layout(x_title=x_title, height=_BAR_HEIGHT * len(table) + 110)
    figure.update_layout(**layout)
    figure.update_layout(
        showlegend=bool(others),
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0},
        margin_t=40,
        yaxis={"tickvals": places, "ticktext": labels, "ticksuffix": " "},
        yaxis_range=[len(table) - 0.4, -0.6],
    )
    figure.update_yaxes(tickfont_size=12)
    figure.add_vline(x=1, line_dash="dot", line_color=theme.MUTED_LINE)
    return figure


def draw_fertility(found: Fertility, name: str, others: Mapping[str, Fertility], height: int | Literal["auto"]) -> None:
    """Draw the bars of one tokenizer with the marks of others, and its table beside them."""
    base, table = baseline_name(found), fertility_table(found)
    if not any(language.spaced for language in found.languages):
        table = table.drop(columns="Per word")
    number = st.column_config.NumberColumn
    config = {
        "Relative": number(f"× {base}", format="%.2f", help=f"Tokens relative to the same text in {base}."),
        "Per word": number(format="%.2f", help="A dash where no spaces stand between words."),
        "Per character": number(format="%.2f", help="Tokens per character (code point)."),
    }
    left, right = st.columns([6, 5])
    with left:
        title = f"tokens, as a multiple of {escape_plotly(base)}"
        st.plotly_chart(language_bars(table, name, others, title), width="stretch", config={"displayModeBar": False})
    with right:
        st.dataframe(table, hide_index=True, width="stretch", height=height, column_config=config, placeholder="—")


def budget_table(
    encodings: Mapping[str, lm.Encoding], *, context_length: int, price_per_million: float, cut_at: int
) -> pd.DataFrame:
    """One row a tokenizer: what the text costs, and what its first ``cut_at`` tokens keep of it."""
    rows = []
    for name, enc in encodings.items():
        kept = cut(enc, cut_at)
        rows.append(
            {
                "Tokenizer": display_name(name),
                "Tokens": len(enc),
                "Of the context": context_share(len(enc), context_length),
                "Price": price(len(enc), price_per_million),
                "Characters kept": kept.n_chars,
                "Of the text": kept.n_chars / len(enc.text) if enc.text else None,
                "The cut ends with": visible(kept.text[-24:]) + (" …half a character" if kept.inside_character else ""),
            }
        )
    return pd.DataFrame(rows)


def parallel_file(languages: Sequence[Language]) -> bytes:
    """Those languages as a tab-separated file that `load_parallel` reads: a column a language, a row a sentence."""
    rows = [[language.name for language in languages], *zip(*(x.sentences for x in languages), strict=True)]
    return "".join("\t".join(row) + "\n" for row in rows).encode()
