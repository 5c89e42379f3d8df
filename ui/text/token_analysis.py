"""Below the rows of the Tokens page: the ruler, and how many tokens each tokenizer makes."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

import lmloupe as lm
from lmloupe.encodings.alignment import Alignment, align
from ui.base import theme
from ui.base.charts import bars
from ui.base.glossary.tables import data_table
from ui.base.loaders import display_name
from ui.base.words import counted, more_than
from ui.components.ruler import ruler
from ui.page import finding
from ui.state import store as state

__all__ = ["counts_finding", "ruler_finding", "show_counts", "show_ruler", "token_counts"]

WINDOW = 600


@st.fragment
def show_ruler(encodings: Mapping[str, lm.Encoding]) -> None:
    """Draw the boundaries of all encodings of one text, by the tokenizers' names, around its letters."""
    aligned = align(list(encodings.values()))
    names = [display_name(name) for name in encodings]
    n = len(aligned.text)
    finding(ruler_finding(aligned))
    start = min(state.get("ruler_from"), max(0, n - WINDOW))
    ruler(aligned, names, list(encodings), start=start, n_shown=WINDOW, key="ruler")
    if n > WINDOW:
        state.slider(
            "ruler_from", "From character", max_value=n - WINDOW, help=f"The ruler shows {WINDOW} characters at a time."
        )
    with st.expander("Who agrees with whom"):
        data_table(agreement_table(aligned, names), hide_index=True, width="stretch")
        st.caption("Cuts that both make, as a share of the cuts that either makes: 1 is the same division of the text.")


def ruler_finding(aligned: Alignment) -> str:
    """On how many of the places where any of them cuts all of them do."""
    k, shared = len(aligned.encodings), len(aligned.shared) - 2
    cut = int((aligned.counts[1:-1] > 0).sum())
    who = "Both tokenizers" if k == 2 else f"All {k} tokenizers"
    if not cut:
        if any(len(enc) > 1 for enc in aligned.encodings):  # the bytes of one character, or tokens without one
            return f"{who} cut this text nowhere between two characters"
        return f"{who} leave this text in one piece"
    if shared == cut:
        return f"{who} cut this text at the same {counted(cut, 'place')}"
    return f"{who} agree on {shared:,} of the {counted(cut, 'place')} where any of them cuts"


def agreement_table(aligned: Alignment, names: list[str]) -> pd.DataFrame:
    """Share of common cuts of each pair (Jaccard index), and how often each cuts alone."""
    table = pd.DataFrame(aligned.agreement.round(3), columns=names)
    table.insert(0, "Tokenizer", names)
    table["Cuts alone"] = [len(alone) for alone in aligned.alone]
    return table


def show_counts(encodings: Mapping[str, lm.Encoding]) -> None:
    """Draw the counts of all tokenizers, by their names, as bars and as a table."""
    counts = token_counts(encodings)
    finding(counts_finding(counts))
    keys = {display_name(name): name for name in encodings}
    colours = [theme.family_colour(keys[shown]) for shown in counts["Tokenizer"]]
    chart = bars(
        counts["Tokenizer"], counts["Tokens"], "%{x:,} tokens<extra></extra>", x_title="tokens", text_format=",d",
        colour=colours,
    )  # fmt: skip
    st.plotly_chart(chart, width="stretch", config={"displayModeBar": False}, key="counts")
    with st.expander("The same as a table"):
        data_table(counts, hide_index=True, width="stretch")
        st.caption("More characters per token means a shorter prompt: less to pay, less to wait for, more room left.")


def counts_finding(counts: pd.DataFrame) -> str:
    """How much more the costliest needs than the cheapest; ``counts`` as `token_counts` gives them."""
    few, many = counts.iloc[0], counts.iloc[-1]
    if len(counts) == 1:
        return f"{few['Tokenizer']} needs {counted(few['Tokens'], 'token')} for this text"
    if few["Tokens"] == many["Tokens"]:
        who = "Both" if len(counts) == 2 else f"All {len(counts)}"
        return f"{who} need {counted(few['Tokens'], 'token')} for this text"
    pair = f"{many['Tokens']:,} tokens against {few['Tokens']:,}"
    if not few["Tokens"]:
        return f"{many['Tokenizer']} needs {pair} of {few['Tokenizer']}"
    share = many["Tokens"] / few["Tokens"]
    more = f"{more_than(share)} more tokens than" if share < 2 else f"{share:.1f} times the tokens of"
    return f"{many['Tokenizer']} needs {more} {few['Tokenizer']}: {pair}"


def token_counts(encodings: Mapping[str, lm.Encoding]) -> pd.DataFrame:
    """One row a tokenizer: tokens, characters and bytes per token, fewest tokens first."""
    rows = []
    for name, enc in encodings.items():
        n, characters = len(enc), len(enc.text)
        rows.append(
            {
                "Tokenizer": display_name(name),
                "Tokens": n,
                "Characters per token": round(characters / n, 2) if n else None,
                "Bytes per token": round(len(enc.text.encode()) / n, 2) if n else None,
                "Vocabulary": enc.tokenizer.vocab_size,
            }
        )
    return pd.DataFrame(rows).sort_values("Tokens", kind="stable", ignore_index=True)
