"""Words: the words of the field, what each means here, and a page that shows it."""

from __future__ import annotations

import streamlit as st

from ui.bar.bar import page_bar
from ui.base.errors import escape_markdown
from ui.base.glossary.entries import LANGUAGES, WORDS, search
from ui.learn.embedded_page import draw_page, read_address
from ui.learn.words import view
from ui.page import finding
from ui.state import store as state
from ui.text.beside import Beside

bar = page_bar("words", on_turn=view.turn)
searched = bar.text("word_search", "Search", placeholder="Search in nine languages", from_file=False)
with bar.picks:
    state.selectbox(
        "word_language", "Language of the terms", list(LANGUAGES), format_func=LANGUAGES.__getitem__,
        otherwise=view.term_language(), label_visibility="collapsed", width=150,
        help="The language of the last column. A word that is open has its names in all of them.",
    )  # fmt: skip
word = WORDS.get(state.get("word_open"))

if word is not None and state.get("word_example"):
    finding(word.word)
    st.markdown(escape_markdown(word.says))
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.button("All words", icon=":material/arrow_back:", on_click=view.close)
        view.show_related(word)
    draw_page(read_address(word.example), f"word {word.key}")
else:
    beside = Beside("word")
    found = search(searched) if searched.strip() else tuple(WORDS.values())
    with beside.main:
        finding(view.list_finding(found, searched))
        if found:
            view.show_list(found, view.term_language(), "" if word is None else word.key)
        else:
            st.caption(
                "The search looks at the words and their explanations in English, and at the terms in "
                f"{', '.join(LANGUAGES.values())}."
            )
            st.button("Show all words", on_click=state.put, args=("word_search", ""), type="primary")
    if word is not None:
        with beside.card(view.close):
            view.show_word(word)
