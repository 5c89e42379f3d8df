"""Why tokens, and neither words nor characters: the pieces of one text, and the vocabulary that each kind needs."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

import lmloupe as lm
from ui.base import theme
from ui.base.chips import chips
from ui.base.errors import escape_markdown, escape_plotly
from ui.base.glossary.tables import data_table
from ui.base.words import counted
from ui.page import finding

__all__ = ["Unit", "n_characters_of_unicode", "show_units", "units_finding", "units_of"]

N_BYTES = 256
SHOWN = 120


@dataclass(frozen=True, slots=True)
class Unit:
    """One way to cut a text: its name, how many pieces, and how many entries the vocabulary has; None for no end."""

    name: str
    n_pieces: int
    vocabulary: int | None
    colour_of: str = ""


@cache
def n_characters_of_unicode() -> int:
    """How many characters Unicode has, as its versions count them: control and private ones are left out.

    The version is that of Python's ``unicodedata``.
    """
    none = {"Cn", "Cc", "Cs", "Co"}
    return sum(unicodedata.category(chr(i)) not in none for i in range(sys.maxunicode + 1))


def units_of(text: str, rows: Mapping[str, lm.Encoding], labels: Mapping[str, str]) -> list[Unit]:
    """Words (between white space), the tokens of each row, characters and bytes of a text."""
    tokens = [Unit(labels[name], len(enc), enc.tokenizer.vocab_size, name) for name, enc in rows.items()]
    return [
        Unit("words", len(text.split()), None),
        *tokens,
        Unit("characters", len(text), n_characters_of_unicode()),
        Unit("bytes", len(text.encode()), N_BYTES),
    ]


def units_finding(units: Sequence[Unit]) -> str:
    """The lengths of one text in one sentence.

    >>> units_finding([Unit("words", 7, None), Unit("A", 8, 9), Unit("B", 10, 9), Unit("characters", 37, 9)])
    'The same text is 7 words, 8 to 10 tokens or 37 characters'
    """
    words, *tokens = [unit for unit in units if unit.name not in ("characters", "bytes")]
    characters = next(unit for unit in units if unit.name == "characters")
    few, many = min(unit.n_pieces for unit in tokens), max(unit.n_pieces for unit in tokens)
    n = counted(few, "token") if few == many else f"{few:,} to {counted(many, 'token')}"
    said = counted(words.n_pieces, "word")
    return f"The same text is {said}, {n} or {counted(characters.n_pieces, 'character')}"


def show_units(text: str, rows: Mapping[str, lm.Encoding], labels: Mapping[str, str]) -> None:
    """Rows of words, characters and bytes, and vocabulary against length."""
    units = units_of(text, rows, labels)
    finding(units_finding(units))
    words = text.split()
    for name, pieces in (
        (counted(len(words), "word"), words[:SHOWN]),
        (counted(len(text), "character"), list(text[:SHOWN])),
        (counted(units[-1].n_pieces, "byte"), [f"{byte:02x}" for byte in text[:SHOWN].encode()[:SHOWN]]),
    ):
        more = "" if len(pieces) < SHOWN else f", the first {SHOWN}"
        st.markdown(f":small[{name}{more}]")
        chips(pieces, size_rem=1.0)
    st.plotly_chart(units_chart(units), width="stretch", config={"displayModeBar": False}, key="units")
    ids = max(unit.n_pieces for unit in units[1:-2])
    longer = f"{len(text) / ids:.1f} times" if ids else "as many times"
    st.caption(
        escape_markdown(
            "Words are few, but no list of words is complete: a new name would have no number. Characters need "
            f"{n_characters_of_unicode():,} numbers (Unicode {unicodedata.unidata_version}) and make this text "
            f"{longer} as long as its longest row of tokens; bytes need {N_BYTES}. With tokens every text can be "
            "written, and a frequent word stays one piece."
        )
    )
    with st.expander("The same as a table"):
        table = pd.DataFrame(
            {
                "Cut into": [unit.name for unit in units],
                "Pieces": [unit.n_pieces for unit in units],
                "Vocabulary size": ["no end" if one.vocabulary is None else f"{one.vocabulary:,}" for one in units],
            }
        )
        data_table(table, hide_index=True, width="content")


def units_chart(units: Sequence[Unit]) -> go.Figure:
    """Length of the text against size of the vocabulary; words, whose vocabulary has no end, are a line."""
    points = [unit for unit in units if unit.vocabulary is not None]
    colours = [theme.family_colour(unit.colour_of) if unit.colour_of else theme.accent() for unit in points]
    names = [escape_plotly(unit.name) for unit in points]
    marks = {
        "type": "scatter", "mode": "markers+text", "x": [unit.vocabulary for unit in points],
        "y": [unit.n_pieces for unit in points], "text": names, "textposition": _sides(points),
        "textfont": {"color": colours, "size": 14}, "marker": {"color": colours, "size": 12}, "cliponaxis": False,
        "hovertemplate": "%{text}: %{y:,} pieces, a vocabulary of %{x:,}<extra></extra>",
    }  # fmt: skip
    layout = theme.chart_layout(x_title="entries of the vocabulary", y_title="pieces of this text", height=300)
    layout["xaxis"] |= {"type": "log", "range": [2.1, 5.9], "dtick": 1}
    layout["yaxis"] |= {"range": [0, 1.2 * max(1, *(unit.n_pieces for unit in units))]}
    figure = go.Figure({"data": [marks], "layout": layout})
    words = units[0]
    return figure.add_hline(
        y=words.n_pieces, line={"dash": "dash", "color": theme.ink(), "width": 1},
        annotation={"text": "words: a vocabulary without end", "font": {"color": theme.ink(), "size": 13},
                    "yanchor": "top", "xanchor": "left"},
        annotation_position="top left",
    )  # fmt: skip


def _sides(points: Sequence[Unit]) -> list[str]:
    """Names above the points; those of tokenizers, which may have nearly the same numbers, below them in turn."""
    order = sorted((i for i, point in enumerate(points) if point.colour_of), key=lambda i: points[i].vocabulary or 0)
    below = set(order[1::2])
    return ["bottom center" if i in below else "top center" for i in range(len(points))]
