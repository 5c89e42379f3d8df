"""The glossary: nothing missing, nothing twice, every example opens, and labels say what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import streamlit as st

from tests.support.pages import no_exception, open_page, payload_of, sentences
from ui.base.errors import escape_markdown
from ui.base.glossary.entries import LANGUAGES, WORDS, Word, explained, explained_label, find, search
from ui.base.glossary.tables import explained_columns
from ui.learn.embedded_page import read_address
from ui.pages import PAGES, Page

ROOT = Path(__file__).parents[2]
LESSONS = ROOT / "lessons"
LATIN = {"de", "es", "fr", "pt"}


@pytest.mark.parametrize("word", WORDS.values(), ids=WORDS)
def test_every_word_is_whole(word: Word) -> None:
    assert list(word.terms) == list(LANGUAGES)
    assert len(LANGUAGES) == 8
    for code, term in word.terms.items():
        assert term.text.strip() == term.text != ""
        if code in LATIN or term.text.isascii():
            assert code not in LATIN or not term.reading
        else:
            assert term.reading
            assert not re.search("[\u0900-\u0dff\u3040-\u9fff\uac00-\ud7ff]", term.reading)
    assert word.says.endswith(".")
    assert 30 < len(word.says) <= 230
    assert 1 <= len(re.findall(r"[.:](?= [A-Z0-9])|\.$", word.says)) <= 4
    assert word.related
    assert set(word.related) <= WORDS.keys() - {word.key}
    read = read_address(word.example)
    assert read.page.url in word.example
    assert word.shows


def test_no_two_entries_are_for_one_thing() -> None:
    names = [name.casefold() for word in WORDS.values() for name in {word.word, *word.also}]
    assert sorted(names) == sorted(set(names))
    assert len({word.says for word in WORDS.values()}) == len({word.example for word in WORDS.values()}) == len(WORDS)
    assert all(find(word.key) is word and find(word.word) is word for word in WORDS.values())


@pytest.mark.parametrize("word", WORDS.values(), ids=WORDS)
def test_a_word_is_found_by_each_of_its_names_in_nine_languages(word: Word) -> None:
    for name in [*word.names, *(term.text for term in word.terms.values())]:
        assert word in search(name.upper())
    assert word in search(word.terms["zh"].reading or word.word)


def test_words_of_lessons_are_in_the_glossary() -> None:
    for lesson in sorted(LESSONS.glob("*.md")):
        listed = re.search(r"^words:\s*(\[.*?\]|(?:\n\s*- .*)+)", lesson.read_text("utf-8"), re.MULTILINE | re.DOTALL)
        assert listed, lesson.name
        names = re.findall(r"[^\[\],\n]+", listed[1].replace("- ", "\n"))
        missing = [name.strip(" \"'") for name in names if name.strip() and find(name.strip(" \"'")) is None]
        assert not missing, lesson.name


@pytest.mark.parametrize("key", ["special_token", "chat_template", "normalization"])
def test_an_example_opens_as_it_says(key: str) -> None:
    read = read_address(WORDS[key].example)
    app = no_exception(open_page(read.page.url, **read.params))
    assert not app.error
    shared = app.session_state["shared_state"].values
    assert {name: shared[name] for name in read.values} == read.values


@pytest.mark.parametrize("page", [page for page in PAGES if page.section != "Learn"], ids=lambda page: page.url)
def test_every_page_explains_words_that_stand_on_it(page: Page) -> None:
    (named,) = re.findall(r"words_here\(([^)]*)\)", (ROOT / page.path).read_text("utf-8"))
    keys = re.findall(r'"(\w+)"', named)
    assert len(keys) >= 2
    assert [key for key in keys if key not in WORDS] == []


def test_labels_say_what_the_glossary_says() -> None:
    assert explained_label("Mean KL (bits)") == explained("kl_divergence")
    assert explained_label("Sentence") is None
    config = {"Entropy": st.column_config.NumberColumn(format="%.2f"), "Rank": None, "Logit": {"help": "Its own."}}
    columns = explained_columns(["Entropy", "Rank", "Logit", "Top-k", "Bananas", 3], config)
    assert columns["Entropy"]["help"] == explained("entropy")
    assert columns["Entropy"]["type_config"]["format"] == "%.2f"
    assert (columns["Rank"], columns["Logit"]["help"]) == (None, "Its own.")
    assert columns["Top-k"]["help"] == explained("top_k")
    assert "Bananas" not in columns


def test_the_list_has_every_word_and_a_search_finds_a_foreign_term() -> None:
    app = no_exception(open_page("words", word_language="hi"))
    sent = payload_of(app, "words_list")
    assert [row["key"] for row in sent["rows"]] == list(WORDS)
    assert (sent["code"], sent["rows"][0]["term"]) == ("hi", WORDS["token"].terms["hi"].text)
    app.text_area(key="word_search").set_value("熵").run()
    assert no_exception(app).header[0].value == escape_markdown("1 word matches “熵”: entropy")
    assert [row["key"] for row in payload_of(app, "words_list")["rows"]] == ["entropy"]
    app.text_area(key="word_search").set_value("cheese").run()
    assert "No word matches" in app.header[0].value
    next(button for button in app.button if button.label == "Show all words").click().run()
    assert len(payload_of(app, "words_list")["rows"]) == len(WORDS)


def test_a_word_opens_from_its_link_and_its_example_below_it() -> None:
    app = no_exception(open_page("words", word_open="token", text="my own words"))
    assert app.header[1].value == "token"
    card = "\n".join(one.value for one in app.get("html") if hasattr(one, "value"))
    proto = "\n".join(str(one.proto.body) for one in app.get("html"))
    assert all(term.text in card + proto for term in WORDS["token"].terms.values())
    next(button for button in app.button if button.label == "Show it here").click().run()
    assert no_exception(app).text_area(key="text").value == "coconut"
    assert app.session_state["shared_state"].values["text"] == "my own words"
    assert app.query_params["word_example"] in ("1", ["1"])
    app.button(key="word_vocabulary").click().run()
    assert app.session_state["shared_state"].values["word_open"] == "vocabulary"
    assert no_exception(app).header[0].value == "vocabulary"
    next(button for button in app.button if button.label == "All words").click().run()
    assert len(payload_of(app, "words_list")["rows"]) == len(WORDS)


def test_a_word_that_nobody_knows_is_one_sentence() -> None:
    app = no_exception(open_page("words", word_open="cheese"))
    assert "`word_open` in the link was ignored" in app.warning[0].value
    assert len(payload_of(app, "words_list")["rows"]) == len(WORDS)
    assert "cheese" not in sentences(app)
