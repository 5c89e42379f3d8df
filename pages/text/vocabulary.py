"""Vocabulary: everything that a tokenizer can say in one piece, searched, counted and compared."""

from __future__ import annotations

import streamlit as st

from ui.base.errors import escape_markdown, show_errors
from ui.base.loaders import display_name, tokenizer
from ui.page import metrics_row, page_header, reproduce
from ui.state import store as state
from ui.text import vocabulary_view as view

CODE = """
import lmloupe as lm
from lmloupe.vocabulary.search import search_vocabulary
from lmloupe.vocabulary.counts import vocabulary_stats

tok = lm.load_tokenizer({name!r})
found = search_vocabulary(tok{arguments}, limit=tok.vocab_size)
for i in found.ids[:100].tolist():
    print(i, tok.piece(i), tok.token_bytes(i).hex(" "))
stats = vocabulary_stats(tok)  # some seconds
print(found.total, stats.n_tokens, stats.kinds, len(stats.unreachable_ids))
"""
CHART = {"displayModeBar": False}

page_header(
    "Vocabulary",
    "A tokenizer has a fixed list of pieces, one row of the model's embedding matrix each. Whatever is not in it has "
    "to be put together from shorter ones. Here is the whole list, with special tokens and single bytes.",
)
left, middle, right = st.columns([3, 5, 4], vertical_alignment="bottom")
with left:
    name = state.selectbox(
        "tokenizer",
        "Tokenizer",
        format_func=display_name,
        accept_new_options=True,
        help="One tokenizer, embedded or by hub id; Pipeline and Special tokens look at the same one.",
    )
with middle:
    by = state.segmented(
        "search_by",
        "Search by",
        format_func=lambda key: view.SEARCHES[key][0],
        help="What the search box holds: text, bytes, a regular expression or ids.",
    )
with right:
    typed = state.text_input("vocabulary_search", "Search", help=view.SEARCHES[by][1])

with show_errors():
    tok = tokenizer(name)
    frame = view.vocabulary_frame(name)
    shown = escape_markdown(display_name(name))
    arguments: dict[str, object] = {}
    with show_errors():
        arguments = view.search_arguments(tok, typed, by)
        found = view.search(tok, typed, by)
        if found.total:
            view.token_table(name, found.ids.tolist(), height=420 if found.total > 10 else "auto")
        else:
            st.info("No token matches: a text is then put together from several.", icon=":material/search_off:")
        with st.container(horizontal=True, vertical_alignment="center"):
            if typed:
                st.button(
                    f"Show all {len(frame):,}",
                    icon=":material/list:",
                    on_click=state.put,
                    args=("vocabulary_search", ""),
                    help="Empty the search box: the table then holds the whole vocabulary.",
                )
            st.download_button(
                "CSV",
                lambda: frame.loc[found.ids].to_csv(index=False).encode(),
                file_name="vocabulary.csv",
                mime="text/csv",
                icon=":material/download:",
                on_click="ignore",
                help="The tokens of the table as a file.",
            )
            st.caption(f"{found.total:,} of {len(frame):,} tokens" + ("" if typed else ": the search box is empty"))

    with st.spinner(f"Encoding all {len(frame):,} tokens of {shown} again, once…"):
        stats = view.statistics(name)
    metrics_row(
        [
            ("Tokens", f"{stats.n_tokens:,}"),
            ("Parts of characters", f"{stats.kinds['partial'] + stats.kinds['byte']:,}", "Kinds partial and byte."),
            ("Special", f"{stats.kinds['special']:,}", "Control tokens such as <|eot_id|>."),
            ("Never reached", f"{len(stats.unreachable_ids):,} ({stats.unreachable_share:.2%})", "Explained below."),
            ("Longest", f"{len(stats.byte_length_counts) - 1:,} bytes", "Special tokens left out."),
        ]
    )
    left, right = st.columns(2)
    with left:
        st.subheader("Writing systems", anchor=False)
        st.plotly_chart(view.counted_bars(stats.scripts), width="stretch", config=CHART)
    with right:
        st.subheader("Kinds", anchor=False, help=view.KIND_HELP)
        st.plotly_chart(view.counted_bars(stats.kinds), width="stretch", config=CHART)
        st.subheader("Lengths", anchor=False)
        st.plotly_chart(view.length_histogram(stats.char_length_counts), width="stretch", config=CHART)
    st.subheader("Longest tokens", anchor=False)
    view.token_table(name, stats.longest_ids.tolist(), height=280)
    st.subheader("Tokens that no text reaches", anchor=False)
    st.caption(
        "A token is never reached when its own text, encoded, is not that one token again, neither alone nor inside a "
        "longer text; the model never saw it in training. Special tokens and parts of characters are not tested."
    )
    if len(stats.unreachable_ids):
        view.token_table(name, stats.unreachable_ids.tolist(), height=280)
    else:
        st.success(f"All {stats.n_tested:,} tested tokens of {shown} can be reached.", icon=":material/check:")

    st.subheader("Beside another vocabulary", anchor=False)
    other = state.selectbox(
        "compare_with",
        "Compare with",
        format_func=display_name,
        accept_new_options=True,
        help="Pieces are compared by their bytes, however each file spells them.",
    )
    with show_errors():
        view.draw_comparison(name, other)

    asked = "".join(f", {key}={value!r}" for key, value in arguments.items())
    reproduce(CODE.format(name=name, arguments=asked))
