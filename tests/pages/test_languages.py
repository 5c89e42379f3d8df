"""Languages as AppTest runs it: the numbers are the library's, and no measure leads to a wrong conclusion."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import lmloupe as lm
from lmloupe.encodings.budget import context_share, cut, price
from lmloupe.languages.fertility import fertility
from lmloupe.languages.parallel_texts import load_parallel, parallel_languages
from tests.support.pages import no_exception, open_page, output_of
from ui.state.settings.defaults import DEFAULT_TEXT
from ui.text.languages.chart import dot_plot, finding_of
from ui.text.languages.counts import Counted, counted_by, parallel_file, values
from ui.tokenizers.choice import Choice

FAMILIES = ("llama-3.1", "phi-3", "qwen2", "starcoder2")
OWN = "English\tDeutsch <b>\tไทย\nGood evening.\tGuten Abend.\tสวัสดีตอนเย็น\n".encode()


def said(app: AppTest) -> list[str]:
    return [error.value.replace("\\", "") for error in app.error]


def upload(app: AppTest, name: str, data: bytes) -> AppTest:
    box = next(box for box in app.file_uploader if box.label == "Your own parallel file")
    box.upload(name, data, "text/plain")
    app.run()
    return no_exception(app)


@pytest.fixture
def page() -> AppTest:
    return no_exception(open_page("languages", tokenizer="phi-3", tokenizers="phi-3,starcoder2", cut_at="10"))


@pytest.fixture(scope="module")
def families() -> list[Counted]:
    return [counted_by(Choice(name)) for name in FAMILIES]


def marks(figure: Any, label: str) -> dict[int, float]:
    """Where the dots of a tokenizer lie, by the place of their language."""
    trace = next(trace for trace in figure.data if trace.name == label)
    return dict(zip((facts[0] for facts in trace.customdata), trace.x, strict=True))


@pytest.mark.parametrize("measure", ["common", "tokens"])
def test_a_dot_further_to_the_left_is_always_fewer_tokens(families: list[Counted], measure: Any) -> None:
    figure = dot_plot(families, measure, None)
    dots = {one.choice.name: marks(figure, one.choice.label) for one in families}
    wrong = 0
    for a in families:
        for b in families:
            for i in range(len(a.found.languages)):
                fewer = np.sign(a.found.n_tokens[i] - b.found.n_tokens[i])
                assert np.sign(dots[a.choice.name][i] - dots[b.choice.name][i]) == fewer
                own = np.sign(values(a, families[0], "own")[i] - values(b, families[0], "own")[i])
                wrong += own != fewer
    assert wrong > 0, "what the page showed first before: each by its own English"


def test_equal_counts_lie_on_one_place(families: list[Counted]) -> None:
    llama, starcoder = families[0], families[3]
    burmese = next(i for i, language in enumerate(llama.found.languages) if language.code == "my")
    assert llama.found.n_tokens[burmese] == starcoder.found.n_tokens[burmese]
    figure = dot_plot(families, "common", burmese)
    assert marks(figure, "Llama 3.1")[burmese] == marks(figure, "StarCoder2")[burmese]
    sizes = [trace.marker.size for trace in figure.data[1:]]
    assert sizes == sorted(sizes, reverse=True), "a dot that lies on another is smaller, so both are seen"
    assert finding_of(llama, burmese) == "Burmese costs Llama 3.1 nine times as much as English"


def test_languages_are_sorted_by_what_they_cost_and_the_table_has_the_numbers(page: AppTest) -> None:
    found = [fertility(lm.load_tokenizer(name)) for name in ("phi-3", "starcoder2")]
    english = [language.code for language in found[0].languages].index("en")
    table = page.dataframe[0].value
    assert table["Phi-3, tokens"].is_monotonic_decreasing
    shown = table.set_index("Language")
    for i, language in enumerate(found[0].languages):
        row = shown.loc[language.name]
        assert [row["Phi-3, tokens"], row["StarCoder2, tokens"]] == [one.n_tokens[i] for one in found]
        for label, one in zip(("Phi-3", "StarCoder2"), found, strict=True):
            assert row[f"{label}, × Phi-3's English"] == one.n_tokens[i] / found[0].n_tokens[english]
        np.testing.assert_equal(row["Phi-3, per word"], found[0].tokens_per_word[i])
        assert row["Phi-3, per character"] == found[0].tokens_per_char[i]
    costliest = found[0].languages[int(found[0].n_tokens.argmax())].name
    assert page.header[0].value.replace("\\", "").startswith(f"{costliest} costs Phi-3 ")
    assert page.selectbox(key="language").value == costliest


def test_a_chosen_language_gives_the_finding_and_stays_in_the_link(page: AppTest) -> None:
    page.selectbox(key="language").set_value("Hindi")
    no_exception(page.run())
    assert page.header[0].value.startswith("Hindi costs ")
    assert page.query_params["language"] == "Hindi"
    page.selectbox(key="language").set_value("English")
    no_exception(page.run())
    assert "the base of all the others" in page.header[0].value


def test_the_second_measure_says_what_it_cannot_tell() -> None:
    app = no_exception(open_page("languages", languages_as="own", tokenizers="phi-3,qwen2"))
    spec = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert spec["layout"]["xaxis"]["title"]["text"] == "× its own English"
    assert any("do not say who needs more" in caption.value for caption in app.caption)


def test_costs_of_a_text_stand_below(page: AppTest) -> None:
    page.number_input(key="price_per_million").set_value(2.5)
    page.number_input(key="context_length").set_value(1000)
    costs = no_exception(page.run()).dataframe[-1].value.set_index("Tokenizer")
    assert costs.index.tolist() == ["Phi-3", "StarCoder2"]
    enc = lm.encode(lm.load_tokenizer("phi-3"), DEFAULT_TEXT)
    row = costs.loc["Phi-3"]
    assert row["Tokens"] == len(enc)
    assert row["Of the context"] == context_share(len(enc), 1000)
    assert row["Price"] == price(len(enc), 2.5)
    assert row["Characters kept"] == cut(enc, 10).n_chars


def test_a_file_of_ones_own_takes_the_place_of_the_sentences(page: AppTest) -> None:
    table = upload(page, "own.tsv", OWN).dataframe[0].value.set_index("Language")
    found = fertility(lm.load_tokenizer("phi-3"), load_parallel(OWN))
    assert table["Phi-3, tokens"].to_dict() == {
        language.name: n for language, n in zip(found.languages, found.n_tokens, strict=True)
    }
    next(button for button in page.button if button.label.startswith("Back to")).click()
    no_exception(page.run())
    assert len(page.dataframe[0].value) == len(parallel_languages())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"English\tFrench\nGood evening.\tBons\xff\n", "Byte 33 of the file, in line 2, is 0xff, which is not UTF-8"),
        (b"English,French\nGood evening.,\n", "Line 2 of the file has no sentence in 'French'"),
        (b"id,name,price\n1,Apple,0.5\n2,Pear,0.6\n", "Give one column for each language"),
        (b"", "file"),
        (b"\x00\x01\x02", "file"),
        (b"a" * 3_000_000, "3,000,000 bytes"),
    ],
)
def test_a_bad_file_gets_one_sentence_and_the_page_stays(page: AppTest, data: bytes, reason: str) -> None:
    upload(page, "own.tsv", data)
    assert len(said(page)) == 1
    assert said(page)[0].startswith("own.tsv was not taken over.")
    assert reason in said(page)[0]
    assert len(page.dataframe[0].value) == len(parallel_languages())


def test_no_error_stays_beside_a_new_file(page: AppTest) -> None:
    upload(page, "prices.csv", b"name,price\nApple,0.5\n")
    assert len(said(page)) == 1
    upload(page, "own.tsv", OWN)
    assert not said(page)
    assert len(page.dataframe[0].value) == 3
    upload(page, "prices.csv", b"name,price\nApple,0.5\n")
    assert len(said(page)) == 1
    assert len(page.dataframe[0].value) == 3, "a bad file loses nothing"


def test_the_file_to_start_from_can_be_read_back() -> None:
    read = load_parallel(parallel_file(parallel_languages()))
    assert [(x.name, x.sentences) for x in read] == [(x.name, x.sentences) for x in parallel_languages()]


def test_an_unknown_tokenizer_takes_nothing_else_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str, **_: object) -> lm.Tokenizer:
        raise lm.SourceNotFoundError(f"The hub has no repository {name!r}.")

    monkeypatch.setattr("lmloupe.loading.hub_tokenizer.load_transformers_tokenizer", missing)
    app = open_page("languages", tokenizer="phi-3", tokenizers="phi-3,no-one/nothing")
    assert "no repository 'no-one/nothing'" in app.warning[0].value.replace("\\", "")
    assert app.dataframe[-1].value["Tokenizer"].tolist() == ["Phi-3"]


def test_the_code_prints_the_numbers(page: AppTest) -> None:
    *rows, last = output_of(page)
    table = page.dataframe[0].value.set_index("Language")
    printed = {tuple(row.split(" ", 1)) for row in rows}
    assert len(printed) == 2 * len(table)
    for name, label in (("phi-3", "Phi-3"), ("starcoder2", "StarCoder2")):
        for language, row in table.iterrows():
            n_tokens, times = row[f"{label}, tokens"], row[f"{label}, × Phi-3's English"]
            start = f"{language} {int(n_tokens)} {times} "
            assert any(first == name and rest.startswith(start) for first, rest in printed), start
    assert last.split()[-1] == str(page.dataframe[-1].value["Characters kept"][0])
