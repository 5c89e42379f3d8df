"""The parts of the Languages page: the chart and the chosen language, a person's file, and costs of a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st

import lmloupe as lm
from lmloupe.encodings.budget import context_share, cut, price
from ui.base.chips import visible
from ui.base.errors import escape_markdown
from ui.base.glossary.tables import data_table
from ui.base.uploads import file_box, show_upload_error
from ui.components.token_view import TokenRow, token_view
from ui.page import finding
from ui.state import store as state
from ui.text.languages.chart import dot_plot, finding_of
from ui.text.languages.counts import Counted, Measure, load_texts, parallel_file, table
from ui.tokenizers.reading import encode_with

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

__all__ = ["ask_for_file", "budget_table", "draw_languages", "draw_programs"]

_BOX, _SOURCE = "parallel", "parallel_file"
_CHART = "languages_chart"
# The chosen language stays on the screen while the languages pass by.
_STICKY = """<style>
@media (min-width: 700px) { div:has(> .st-key-chosen_language) { position: sticky; top: 4rem; } }
</style>"""


def ask_for_file() -> bytes | None:
    """Draw the box for a parallel file of a person's own; the last one that could be read, None for the project's."""
    file_box(
        _BOX,
        "Your own parallel file",
        _take,
        help="One column a language, one row a sentence: tab- or comma-separated with the names of the languages in "
        "the first row, or JSON; UTF-8, at most 2 MB.",
    )
    source: tuple[str, bytes] | None = st.session_state.get(_SOURCE)
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            "The sentences of this page as such a file",
            lambda: parallel_file(load_texts(None)),
            file_name="sentences.tsv",
            on_click="ignore",
            help="A file to start from: add a column of your own.",
        )
        if source is not None:
            st.button("Back to the sentences of this page", on_click=_forget)
    return None if source is None else source[1]


def _show_file_error() -> None:
    """Say why the last file was not taken; the page goes on with what it had."""
    if not show_upload_error(_BOX) and _SOURCE in st.session_state:
        st.caption(escape_markdown(f"From your file {st.session_state[_SOURCE][0]}."))


def _take(files: Sequence[UploadedFile]) -> None:
    file = files[0]
    try:
        load_texts(file.getvalue())
    except lm.LoupeError as error:
        raise lm.InputError(f"{file.name} was not taken over. {error}") from error
    st.session_state[_SOURCE] = (file.name, file.getvalue())


def _forget() -> None:
    st.session_state.pop(_SOURCE, None)


def _pick(names: Sequence[str]) -> None:
    """Take over the language of the dot that was clicked."""
    points = st.session_state[_CHART].selection.points
    place = points[0].get("customdata") if points else None
    place = place[0] if isinstance(place, list) else place
    if isinstance(place, int) and 0 <= place < len(names):
        state.put("language", names[place])


def draw_languages(all_of_them: Sequence[Counted], measure: Measure) -> None:
    """Draw what each language costs, and beside it the chosen one as every tokenizer splits it."""
    first = all_of_them[0]
    names = [language.name for language in first.found.languages]
    head = st.container()
    st.html(_STICKY)
    left, right = st.columns([3, 2], gap="medium")
    with right, st.container(key="chosen_language"):
        # The costliest first: it is the one that is shown before anybody has chosen.
        order = np.argsort(-first.found.n_tokens, kind="stable")
        chosen = names.index(state.selectbox("language", "Language", [names[i] for i in order], help="Or click a dot."))
        _chosen_language(all_of_them, chosen)
    with head:
        finding(finding_of(first, chosen))
        _show_file_error()
    with left:
        st.plotly_chart(
            dot_plot(all_of_them, measure, chosen),
            width="stretch",
            key=_CHART,
            on_select=lambda: _pick(names),
            selection_mode="points",
            config={"displayModeBar": False},
        )
    with st.expander("The same as a table"):
        data_table(table(all_of_them), hide_index=True, width="stretch", placeholder="–")


def _chosen_language(all_of_them: Sequence[Counted], chosen: int) -> None:
    first = all_of_them[0]
    language, n = first.found.languages[chosen], len(first.found.languages[chosen].sentences)
    at = state.number_input("sentence", f"Sentence, 1 to {n:,}", max_value=n - 1) if n > 1 else 0
    text = language.sentences[at]
    if chosen != first.base:
        base = first.found.languages[first.base]
        st.caption(escape_markdown(f"{base.name}: {base.sentences[at]}"))
    token_view(
        [TokenRow(one.choice.label, encode_with(one.choice, text, parse_special_tokens=False)) for one in all_of_them],
        text=text,
        key="sentence_rows",
    )


def draw_programs(all_of_them: Sequence[Counted], measure: Measure) -> None:
    """Draw what the same program costs in programming languages."""
    first = all_of_them[0]
    finding(f"The same small program: {finding_of(first, int(np.argmax(first.found.n_tokens)))}")
    st.plotly_chart(
        dot_plot(all_of_them, measure, None), width="stretch", key="programs_chart", config={"displayModeBar": False}
    )
    with st.expander("The same as a table"):
        data_table(table(all_of_them), hide_index=True, width="stretch")


def budget_table(
    encodings: Mapping[str, lm.Encoding], *, context_length: int, price_per_million: float, cut_at: int
) -> pd.DataFrame:
    """One row a tokenizer, by its label: what the text costs, and what its first ``cut_at`` tokens keep of it."""
    rows = []
    for label, enc in encodings.items():
        kept = cut(enc, cut_at)
        rows.append(
            {
                "Tokenizer": label,
                "Tokens": len(enc),
                "Of the context": context_share(len(enc), context_length),
                "Price": price(len(enc), price_per_million),
                "Characters kept": kept.n_chars,
                "Of the text": kept.n_chars / len(enc.text) if enc.text else None,
                "The cut ends with": visible(kept.text[-24:]) + (" …half a character" if kept.inside_character else ""),
            }
        )
    return pd.DataFrame(rows)
