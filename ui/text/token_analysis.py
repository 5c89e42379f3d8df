"""Below the rows of the Tokens page: the ruler, and how many tokens each tokenizer makes."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

import lmloupe as lm
from lmloupe.encodings.alignment import align
from ui.base.charts import count_bars
from ui.base.words import counted
from ui.text.ruler import agreement_table, ruler_chart

__all__ = ["show_counts", "show_ruler"]

WINDOW = 60


@st.fragment
def show_ruler(encodings: list[lm.Encoding], names: list[str]) -> None:
    """Draw the boundaries of all encodings of one text on one axis of characters."""
    aligned = align(encodings)
    n = len(aligned.text)
    st.subheader("On one ruler", anchor=False)
    inner = len(aligned.shared) - 2
    cut = int((aligned.counts[1:-1] > 0).sum())
    alone = sum(len(places) for places in aligned.alone)
    if cut:
        st.caption(
            f"Of {counted(cut, 'place')} where any of them cuts, all {len(names)} cut at {inner:,}; at {alone:,} one "
            "cuts alone (thick, in colour)."
        )
    else:
        st.caption("None of them cuts inside this text.")
    start = 0
    if n > WINDOW:
        first = st.slider(
            "From character",
            1,
            n - WINDOW + 1,
            1,
            key="ruler_start",
            help=f"Counted from 1; the ruler shows {WINDOW} characters at a time.",
        )
        start = first - 1
    st.plotly_chart(
        ruler_chart(aligned, names, start, WINDOW), width="stretch", config={"displayModeBar": False}, key="ruler"
    )
    with st.expander("Who agrees with whom"):
        st.dataframe(agreement_table(aligned, names), hide_index=True, width="stretch")
        st.caption("Cuts that both make, as a share of the cuts that either makes: 1 is the same division of the text.")


def show_counts(encodings: dict[str, lm.Encoding]) -> None:
    """Draw the counts of all tokenizers as bars and as a table."""
    st.subheader("How many tokens", anchor=False)
    counts = _token_counts(encodings)
    chart_column, table_column = st.columns([2, 3])
    with chart_column:
        st.plotly_chart(count_bars(counts), width="stretch", config={"displayModeBar": False})
    with table_column:
        st.dataframe(counts, hide_index=True, width="stretch")
        st.caption("More characters per token means a shorter prompt: less to pay, less to wait for, more room left.")


def _token_counts(encodings: Mapping[str, lm.Encoding]) -> pd.DataFrame:
    """One row a tokenizer: tokens, characters and bytes per token, fewest tokens first."""
    rows = []
    for name, enc in encodings.items():
        n, characters = len(enc), len(enc.text)
        rows.append(
            {
                "Tokenizer": name,
                "Tokens": n,
                "Characters per token": round(characters / n, 2) if n else None,
                "Bytes per token": round(len(enc.text.encode()) / n, 2) if n else None,
                "Vocabulary": enc.tokenizer.vocab_size,
            }
        )
    return pd.DataFrame(rows).sort_values("Tokens", kind="stable", ignore_index=True)
