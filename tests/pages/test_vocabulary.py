"""Vocabulary as AppTest runs it: what is on the screen equals the library's answers."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import lmloupe as lm
from lmloupe.vocabulary.compare import overlap
from lmloupe.vocabulary.counts import vocabulary_stats
from lmloupe.vocabulary.search import search_vocabulary
from tests.support.pages import open_page, output_of
from ui.text.vocabulary import view as vocabulary_view

# The smallest vocabularies: every token is encoded again for the statistics.
SMALL = "phi-3"


def again(app: AppTest) -> AppTest:
    app.run()
    assert not app.exception
    return app


def errors(app: AppTest) -> list[str]:
    return [error.value.replace("\\", "") for error in app.error]


def headings(app: AppTest) -> list[str]:
    return [head.value.replace("\\", "") for head in app.header]


@pytest.fixture
def vocabulary() -> AppTest:
    return open_page("vocabulary", tokenizer=SMALL, compare_with="starcoder2", vocabulary_search="the")


def test_vocabulary_shows_what_the_library_finds(vocabulary: AppTest) -> None:
    tok = lm.load_tokenizer(SMALL)
    table = vocabulary.dataframe[0].value
    assert table["Id"].tolist() == search_vocabulary(tok, "the", ignore_case=True).ids.tolist()
    assert [bytes.fromhex(raw) for raw in table["Bytes"]] == [tok.token_bytes(i) for i in table["Id"]]
    assert table["Piece"].tolist() == [tok.piece(i) for i in table["Id"]]
    assert "␣the" in table["Token"].tolist()
    stats = vocabulary_stats(tok)
    both = overlap(tok, lm.load_tokenizer("starcoder2"))
    found, shared, *_, unreached = headings(vocabulary)
    assert found == f"{len(table):,} of the {stats.n_tokens:,} tokens of Phi-3 contain “the”"
    assert shared.startswith(f"Phi-3 and StarCoder2 share {both.n_shared:,} tokens: {both.share_of_a:.0%} of Phi-3, ")
    assert len(stats.unreachable_ids) == 0
    assert unreached == f"A text can reach every one of the {stats.n_tested:,} tested tokens of Phi-3"
    only = vocabulary.dataframe[2].value
    assert only["Id"].tolist() == both.only_b_ids[: len(only)].tolist()
    tables = [frame.value for frame in vocabulary.dataframe]
    assert any(table["Id"].tolist() == stats.longest_ids.tolist() for table in tables if "Id" in table.columns)
    scripts = next(table for table in tables if "Script" in table.columns and "Tokens" in table.columns)
    assert dict(zip(scripts["Script"], scripts["Tokens"], strict=True)) == dict(stats.scripts)


@pytest.mark.parametrize(
    ("by", "typed", "arguments"),
    [
        ("bytes", "e0 a4", {"bytes": b"\xe0\xa4"}),
        ("regex", "^ ?[0-9]+$", {"regex": "^ ?[0-9]+$"}),
        ("ids", "100 - 120", {"ids": (100, 120)}),
        ("ids", "31999-9999999", {"ids": (31999, 9999999)}),
        ("ids", "[1, 2, 300]", {"ids": [1, 2, 300]}),
        ("ids", "1 2 300", {"ids": [1, 2, 300]}),
        ("text", " of the", {"text": " of the"}),
    ],
)
def test_vocabulary_is_searched_four_ways(by: str, typed: str, arguments: dict[str, Any]) -> None:
    tok = lm.load_tokenizer(SMALL)
    expected = search_vocabulary(tok, **arguments, limit=tok.vocab_size).ids
    assert vocabulary_view.search(tok, typed, by).ids.tolist() == expected.tolist()


def test_bad_searches_get_one_sentence_each_and_keep_what_was_typed(vocabulary: AppTest) -> None:
    for by, typed, said in [
        ("regex", "(", "cannot be used"),
        ("bytes", "xyz", "is not a row of bytes"),
        ("ids", "32100-32200", "There is no token 32100: the ids go from 0 to"),
        ("ids", "200-100", "are not a range"),
        ("ids", "-5", "There is no token -5"),
        ("ids", "5 x", "is not a token id"),
    ]:
        vocabulary.segmented_control(key="search_by").set_value(by)
        vocabulary.text_input(key="vocabulary_search").set_value(typed)
        again(vocabulary)
        assert len(errors(vocabulary)) == 1, (by, typed)
        assert said in errors(vocabulary)[0]
        assert vocabulary.text_input(key="vocabulary_search").value == typed
        assert any("share" in said for said in headings(vocabulary)), "the statistics stay"


def test_a_pattern_that_would_backtrack_for_ever_is_answered(vocabulary: AppTest) -> None:
    vocabulary.segmented_control(key="search_by").set_value("regex")
    vocabulary.text_input(key="vocabulary_search").set_value("(a+)+$")
    again(vocabulary)
    # RE2 has no pattern that hangs, so there is an answer, or a sentence on a machine too slow for it.
    table = vocabulary.dataframe[0].value
    assert errors(vocabulary) or {raw[-2:] for raw in table["Bytes"]} == {"61"}


def test_an_empty_search_is_the_whole_vocabulary() -> None:
    tok = lm.load_tokenizer(SMALL)
    for by in vocabulary_view.SEARCHES:
        assert vocabulary_view.search(tok, "", by).ids.tolist() == list(range(32_011))


def test_the_button_shows_all_of_it(vocabulary: AppTest) -> None:
    next(button for button in vocabulary.button if button.label.startswith("Show all")).click()
    again(vocabulary)
    assert vocabulary.text_input(key="vocabulary_search").value == ""
    assert headings(vocabulary)[0] == "All 32,011 tokens of Phi-3"


def test_the_code_of_vocabulary_prints_its_numbers(vocabulary: AppTest) -> None:
    *rows, last = output_of(vocabulary)
    assert [int(row.split()[0]) for row in rows] == vocabulary.dataframe[0].value["Id"].tolist()[:100]
    stats = vocabulary_stats(lm.load_tokenizer(SMALL))
    assert last.endswith(f"{stats.kinds} {len(stats.unreachable_ids)}")
