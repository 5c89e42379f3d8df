"""Tokens as AppTest runs it: the card, the findings above the charts, ids that are pasted, rows one by one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest

import lmloupe as lm
from tests.support.pages import REPOSITORY, no_exception, open_page, sentences
from ui.base.loaders import encoding
from ui.state.settings.defaults import DEFAULT_TEXT
from ui.state.thread import _card_of
from ui.text.token_analysis import counts_finding, ruler_finding, token_counts
from ui.tokenizers.choice import Choice
from ui.tokenizers.reading import read

COCONUT = "A coconut"


def heads(app: AppTest) -> list[str]:
    return [head.value.replace("\\", "") for head in no_exception(app).header]


def card_link(name: str, index: int, text: str) -> dict[str, str]:
    """The parameters of another page's link to the card of a token, as `ui.state.thread.show_thread` writes them."""
    enc = encoding(name, text, True, True)
    return {"text": text, "place": str(enc.offsets[index, 0])} | {k: str(v) for k, v in _card_of(enc, index).items()}


@pytest.mark.parametrize("tokenizers", ["llama-3.1,phi-3", "smollm2,phi-3"], ids=["not among the rows", "a row"])
def test_a_link_opens_the_card_of_the_model_s_own_token(tokenizers: str) -> None:
    # Today's pages read with SmolLM2, whose " coconut" is token 2; the first row here may be another tokenizer's.
    app = open_page("tokens", tokenizers=tokenizers, **card_link("smollm2", 1, COCONUT))
    assert "Token 2 of 2 in SmolLM2" in heads(app)
    assert "17,434" in next(html.body for html in app.get("html") if "Piece as stored" in html.body)


def test_a_special_token_that_the_model_adds_has_its_card_too() -> None:
    app = open_page("tokens", tokenizers="phi-3,llama-3.1", **card_link("llama-3.1", 0, COCONUT))
    assert "Token 1 of 3 in Llama 3.1" in heads(app)


def test_a_link_whose_id_no_longer_fits_opens_the_row_s_own_token() -> None:
    link = card_link("llama-3.1", 2, COCONUT) | {"card_id": "7"}
    assert "Token 2 of 2 in Llama 3.1" in heads(open_page("tokens", tokenizers="phi-3,llama-3.1", **link))


def test_the_card_closes_with_its_button_and_with_the_text() -> None:
    link = card_link("llama-3.1", 1, COCONUT)
    link = {"tokenizers": "llama-3.1"} | link
    app = open_page("tokens", **link)
    assert any(head.startswith("Token ") for head in heads(app))
    next(button for button in app.button if button.label == "Close").click().run()
    assert not any(head.startswith("Token ") for head in heads(app))
    assert "place" not in app.query_params
    app = open_page("tokens", **link)
    app.text_area(key="text").set_value("Another text").run()
    assert not any(head.startswith("Token ") for head in heads(app))


def test_a_card_that_comes_with_a_text_of_its_own_stays_open() -> None:
    link = {"tokenizers": "llama-3.1"} | card_link("llama-3.1", 2, COCONUT)  # the model's own first is a bos
    before = (int(link["place"]), "llama-3.1", int(link["card_id"]), 0, "the text that this page had before")
    assert "Token 2 of 2 in Llama 3.1" in heads(open_page("tokens", session={"card_shown": before}, **link))


def test_the_titles_say_what_is_seen() -> None:
    encodings = {name: lm.encode(lm.load_tokenizer(name), DEFAULT_TEXT) for name in ("llama-3.1", "phi-3")}
    counts = token_counts(encodings)
    few, many = sorted(len(enc) for enc in encodings.values())
    more = round(100 * (many / few - 1))
    said = f"Phi-3 needs {more}% more tokens than Llama 3.1: {many} tokens against {few}"
    assert counts_finding(counts) == said
    aligned = lm.align(list(encodings.values()))
    cut = int((aligned.counts[1:-1] > 0).sum())
    shared = int((aligned.counts[1:-1] == 2).sum())
    assert ruler_finding(aligned) == f"Both tokenizers agree on {shared} of the {cut} places where any of them cuts"
    app = open_page("tokens", tokenizers="llama-3.1,phi-3")
    assert heads(app) == [ruler_finding(aligned), said]
    assert heads(open_page("tokens", tokenizers="phi-3", text="a")) == ["Phi-3 needs 1 token for this text"]
    twice = heads(open_page("tokens", tokenizers="llama-3.1,smollm2", text="สวัสดีชาวโลก"))
    assert twice[1].startswith("SmolLM2 needs ")
    assert " times the tokens of Llama 3.1: " in twice[1]


@pytest.mark.parametrize("typed", ["9906 0", "[9906, 0]", "9906,0\n"])
def test_ids_in_place_of_a_text_are_read_with_one_press(typed: str) -> None:
    app = no_exception(open_page("tokens", text=typed))
    assert "look like token ids" in " ".join(text.value for text in app.markdown)
    app.button(key="ids_as_llama-3.1").click()
    no_exception(app.run())
    assert app.text_area(key="text").value == "Hello!"
    assert "Llama 3.1 writes this text with the same ids." in sentences(app)


def test_ids_are_pasted_in_the_settings_and_a_bad_one_is_named() -> None:
    app = no_exception(open_page("tokens"))
    app.text_input(key="ids").set_value("9906, x").run()
    read_them = next(button for button in app.button if button.label == "Read the ids as text")
    read_them.click()
    assert "“x” is not a token id" in sentences(no_exception(app.run()))
    assert app.text_area(key="text").value == DEFAULT_TEXT
    app.text_input(key="ids").set_value("9906 0").run()
    next(button for button in app.button if button.label == "Read the ids as text").click()
    assert no_exception(app.run()).text_area(key="text").value == "Hello!"
    # The same setting as on Special tokens, where what was pasted is shown as the ids that they are.
    assert app.query_params["ids"] == "9906 0"


def test_each_row_is_there_before_the_tokenizers_that_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    here = {"qwen2"}
    monkeypatch.setattr("ui.tokenizers.reading.ready", lambda name: name in here)
    early: list[list[str]] = []
    choices = [Choice("llama-3.1"), Choice("no-such"), Choice("qwen2"), Choice("phi-3")]

    def encoded(name: str, *_: object) -> str:
        if name == "no-such":
            raise lm.SourceNotFoundError("There is none.")
        return name.upper()

    monkeypatch.setattr("ui.tokenizers.reading.encoding", encoded)
    reading = read(
        choices, "a", add_special_tokens=False, parse_special_tokens=True, on_row=lambda rows: early.append(list(rows))
    )
    assert early == [["qwen2"], ["llama-3.1", "qwen2"], ["llama-3.1", "qwen2"]]
    assert list(reading.encodings) == ["llama-3.1", "qwen2", "phi-3"]
    assert list(reading.failed) == ["no-such"]
    here |= {"llama-3.1", "phi-3", "no-such"}
    early.clear()
    read(choices, "a", add_special_tokens=False, parse_special_tokens=True, on_row=lambda rows: early.append([]))
    assert early == [], "nothing is drawn twice where nobody waits"


def test_a_tokenizer_that_fails_can_be_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str, **_: object) -> lm.Tokenizer:
        raise lm.SourceNotFoundError(f"The hub has no repository {name!r}.")

    monkeypatch.setattr("lmloupe.loading.hub_tokenizer.load_transformers_tokenizer", missing)
    app = no_exception(open_page("tokens", tokenizers="llama-3.1,no-one/nothing"))
    app.button(key="without_no-one/nothing").click()
    assert "no repository" not in sentences(no_exception(app.run()))
    assert app.query_params["tokenizers"] == "llama-3.1"


def test_the_rows_wait_for_neither_pandas_nor_the_charts() -> None:
    before_the_rows = (
        "ui.bar.bar, ui.components.token_pin, ui.components.token_view, ui.state.thread, ui.text.beside, "
        "ui.text.removed_text, ui.text.token_files, ui.tokenizers.choice, ui.tokenizers.ids, ui.tokenizers.reading"
    )
    code = f"import sys, {before_the_rows}\nprint({{'pandas', 'torch', 'ui.base.charts'}} & set(sys.modules))"
    paths = {"PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "inspect")])}
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, env=os.environ | paths, check=True, capture_output=True, text=True
    )
    assert run.stdout.strip() == "set()"


@pytest.mark.model
@pytest.mark.parametrize("url", ["embeddings", "surprise", "layers", "attention", "generate"])
def test_every_page_of_the_model_links_to_the_card_of_its_very_token(url: str, embedded_model_folder: Path) -> None:
    page = no_exception(open_page(url, text=COCONUT, prompt="text", max_new_tokens="2", temperature="0"))
    link = next(link.proto for link in page.get("page_link") if link.proto.label == "Card")
    params = {name: values[0] for name, values in parse_qs(link.query_string).items()}
    assert params["card_of"] == "smollm2"
    tok = lm.load_tokenizer("smollm2")
    app = open_page("tokens", **params)
    assert next(head for head in heads(app) if head.startswith("Token ")).endswith(" in SmolLM2")
    facts = next(html.body for html in app.get("html") if "Piece as stored" in html.body)
    assert f">{int(params['card_id']):,}</dd>" in facts
    assert tok.piece(int(params["card_id"])) in facts
