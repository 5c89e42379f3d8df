"""The list of words, and one word with its names, its neighbours and its example."""

from __future__ import annotations

import html
from collections.abc import Sequence

import streamlit as st

from ui.base import theme
from ui.base.errors import escape_markdown
from ui.base.glossary.entries import LANGUAGES, WORDS, Word
from ui.base.words import counted
from ui.components.word_list import Row, pressed_word, word_list
from ui.learn.embedded_page import read_address
from ui.state import store as state

__all__ = ["close", "list_finding", "open_word", "show_example_link", "show_list", "show_word", "term_language", "turn"]

LIST = "words_list"
_OTHERWISE = "zh"


def term_language() -> str:
    """The language of the column of terms: the chosen one, or the browser's where it is one of them."""
    chosen: str = state.get("word_language")
    if chosen in LANGUAGES:
        return chosen
    asked = (st.context.locale or "").split("-")[0]
    return asked if asked in LANGUAGES else _OTHERWISE


def list_finding(found: Sequence[Word], searched: str) -> str:
    """How many words there are, or which match what was searched.

    >>> list_finding([], "cheese"), list_finding([WORDS["token"]], "词元")
    ('No word matches “cheese”', '1 word matches “词元”: token')
    """
    if not searched.strip():
        return f"{counted(len(found), 'word')} of the field, each with an example that opens"
    quoted = f"“{searched.strip()[:60]}”"
    if not found:
        return f"No word matches {quoted}"
    named = f": {found[0].word}" if len(found) == 1 else f", first {found[0].word}"
    return f"{counted(len(found), 'word')} {'matches' if len(found) == 1 else 'match'} {quoted}{named}"


def open_word(key: str) -> None:
    """Open a word of the list; the one that is open closes."""
    state.put("word_open", "" if state.get("word_open") == key else key)


def close() -> None:
    """Show the list alone."""
    state.put("word_open", "")
    state.put("word_example", False)


def turn(step: int) -> None:
    """In the presenter view: open the next word, or the one before."""
    keys = list(WORDS)
    now = state.get("word_open")
    state.put("word_open", keys[(keys.index(now) + step) % len(keys) if now in keys else (0 if step > 0 else -1)])


def show_list(found: Sequence[Word], language: str, opened: str) -> None:
    """All words that were found, readable at once; a press opens one."""

    def press() -> None:
        key = pressed_word(LIST)
        if key in WORDS:
            open_word(str(key))

    rows = [Row(one.key, one.word, one.says, one.terms[language].text, one.terms[language].reading) for one in found]
    word_list(rows, language=(language, LANGUAGES[language]), opened=opened, key=LIST, on_press=press)


def show_word(word: Word) -> None:
    """The card of one word: what it means, its example, its names in all languages, its neighbours."""
    st.header(escape_markdown(word.word), anchor=False)
    st.markdown(escape_markdown(word.says))
    if word.also:
        st.caption(escape_markdown(f"Also: {', '.join(word.also)}."))
    show_example_link(word)
    st.button(
        "Show it here", icon=":material/visibility:", on_click=state.put, args=("word_example", True),
        help="The page itself, below the word; what is changed there changes nothing elsewhere.",
    )  # fmt: skip
    st.subheader("In other languages", anchor=False)
    st.html(_terms(word))
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        show_related(word)


def show_example_link(word: Word) -> None:
    """A link to the page where the word can be seen."""
    address = read_address(word.example)
    st.page_link(
        address.page.path, label=escape_markdown(f"{address.page.title}: {word.shows}"),
        icon=address.page.icon_shortcode, query_params=address.params,
    )  # fmt: skip


def show_related(word: Word) -> None:
    """One button for each word that belongs to this one, in the row of the container around it."""
    st.markdown("See also", width="content")
    for key in word.related:
        st.button(WORDS[key].word, key=f"word_{key}", on_click=state.put, args=("word_open", key), type="tertiary")


def _terms(word: Word) -> str:
    """The names as a list in HTML, each marked with its language."""
    rows = []
    for code, name in LANGUAGES.items():
        term = word.terms[code]
        reading = f' <span style="opacity:{theme.QUIET}" lang="{code}-Latn">{html.escape(term.reading)}</span>'
        rows.append(
            f'<dt style="opacity:{theme.QUIET}" lang="{code}">{html.escape(name)}</dt>'
            f'<dd style="margin:0;overflow-wrap:anywhere"><span lang="{code}">{html.escape(term.text)}</span>'
            f"{reading if term.reading else ''}</dd>"
        )
    style = "display:grid;grid-template-columns:max-content 1fr;gap:.15rem .9rem;margin:0;padding:0"
    return f'<dl style="{style}">{"".join(rows)}</dl>'
