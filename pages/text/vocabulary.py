"""Vocabulary: everything that a tokenizer can say in one piece, searched, counted and compared."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from ui.bar.bar import page_bar
from ui.base import theme
from ui.base.errors import show_errors
from ui.base.words import counted
from ui.page import finding, reproduce, words_here
from ui.state import store as state
from ui.text.pipeline_view import loading_code
from ui.text.vocabulary import findings, view
from ui.tokenizers.choice import choose_tokenizer

CODE = """
import lmloupe as lm
from lmloupe.vocabulary.search import search_vocabulary
from lmloupe.vocabulary.counts import vocabulary_stats

tok = {load}
found = search_vocabulary(tok{arguments}, limit=tok.vocab_size)
for i in found.ids[:100].tolist():
    print(i, tok.piece(i), tok.token_bytes(i).hex(" "))
stats = vocabulary_stats(tok)  # some seconds
print(found.total, stats.n_tokens, stats.kinds, len(stats.unreachable_ids))
"""


def draw_chart(sentence: str, figure: go.Figure) -> None:
    """Draw a chart under what it shows."""
    finding(sentence)
    st.plotly_chart(figure, width="stretch", config={"displayModeBar": False}, alt=sentence)


bar = page_bar("vocabulary")
with bar.gear:
    by = state.segmented(
        "search_by",
        "Search by",
        format_func=lambda key: view.SEARCHES[key][0],
        help="What the search box in the bar is read as.",
    )
with bar.picks:
    typed = state.text_input(
        "vocabulary_search",
        "Search",
        placeholder=f"Search: {view.SEARCHES[by][0].lower()}",
        help=view.SEARCHES[by][1],
        label_visibility="collapsed",
        width=170,
        icon=":material/search:",
    )
choice = choose_tokenizer(bar)
other = choose_tokenizer(bar, "compare_with", "Beside")

with show_errors():
    tok = choice.load()
    frame = view.vocabulary_frame(choice)
    arguments: dict[str, object] = {}
    with show_errors():
        arguments = view.search_arguments(tok, typed, by)
        found = view.search(tok, typed, by)
        finding(findings.found_sentence(choice, typed, by, found.total, len(frame)))
        if found.total:
            view.token_table(choice, found.ids.tolist(), height=360 if found.total > 9 else "auto")
        else:
            st.info("A text with these letters is put together from several tokens.", icon=":material/search_off:")
        with st.container(horizontal=True, vertical_alignment="center"):
            if typed:
                st.button(
                    f"Show all {len(frame):,}",
                    icon=":material/list:",
                    on_click=state.put,
                    args=("vocabulary_search", ""),
                    help="Empty the search box: the table then shows the whole vocabulary.",
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

    with show_errors():
        view.draw_comparison(choice, other)

    with st.spinner(f"Encoding all {len(frame):,} tokens again, once …"):
        stats = view.statistics(choice)
    colour = theme.family_colour(choice.name)
    left, right = st.columns(2)
    with left:
        draw_chart(findings.scripts_sentence(stats), view.counted_bars(stats.scripts, colour))
    with right:
        draw_chart(findings.kinds_sentence(stats), view.counted_bars(stats.kinds, colour))
        st.caption(view.KIND_HELP)
    draw_chart(findings.lengths_sentence(stats), view.length_histogram(stats.char_length_counts, colour))
    view.counts_tables(stats)
    finding(f"The longest token has {counted(len(stats.byte_length_counts) - 1, 'byte')}")
    view.token_table(choice, stats.longest_ids.tolist(), height=280)
    finding(findings.unreached_sentence(choice, stats))
    if len(stats.unreachable_ids):
        view.token_table(choice, stats.unreachable_ids.tolist(), height=280)
    st.caption(
        "A token is never reached when its own text, encoded, is not that one token again, neither alone nor inside a "
        "longer text; the model never saw it in training. Special tokens and parts of characters are not tested."
    )

    asked = "".join(f", {key}={value!r}" for key, value in arguments.items())
    words_here("vocabulary", "token", "token_id", "byte")
    reproduce(CODE.format(load=loading_code(choice.name, choice.uploaded), arguments=asked))
