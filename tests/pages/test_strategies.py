"""Strategies: the page's numbers are the library's, and its own Python prints them, transformers' beside them."""

from __future__ import annotations

import ast

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import lmloupe as lm
from tests.support.jobs import finish_jobs
from tests.support.pages import no_exception, open_page, output_of, payload_of, sentences

pytestmark = pytest.mark.model

TEXT = "My favorite color is"


def finished(**params: str) -> AppTest:
    app = no_exception(open_page("strategies", **params))
    while finish_jobs():
        no_exception(app.run())
    return app


def test_every_number_is_the_librarys_and_the_code_prints_it(embedded_engine: lm.Engine) -> None:
    app = finished(
        text=TEXT, strategies_tokens="6", num_beams="3", length_penalty="0.5",
        strategies="greedy,beam,contrastive,prompt_lookup", beam_step="2",
    )  # fmt: skip
    *_, last = embedded_engine.beam_search(TEXT, 3, 6, length_penalty=0.5)
    contrastive = [step.token_id for step in embedded_engine.contrastive_search(TEXT, 0.6, 4, 6)]
    greedy = [step.token_id for step in embedded_engine.generate(TEXT, lm.Sampling(temperature=0), 6)]
    texts = {
        "Greedy": greedy,
        "Beam search": last.finished[0].token_ids.tolist(),
        "Contrastive search": contrastive,
        "Speculative: prompt lookup": greedy,
    }
    ids = embedded_engine.score(TEXT).input_ids.tolist()
    rows = payload_of(app, "strategy_rows")["rows"]
    assert [one["name"] for one in rows] == list(texts)
    table = app.dataframe[0].value
    for (name, text), drawn, numbers in zip(texts.items(), rows, table.to_dict("records"), strict=True):
        expected = float(embedded_engine.score([*ids, *text]).log_probs[-len(text) :].sum()) / np.log(2)
        assert numbers["Strategy"] == name
        assert len(drawn["tokens"]) == numbers["Tokens"] == len(text)
        assert numbers["log₂ P"] == pytest.approx(expected, abs=1e-3)
        assert numbers["Score"] == pytest.approx(expected / len(text) ** 0.5, abs=1e-3)
        assert numbers["Distinct-1"] == len(set(text)) / len(text)
        assert drawn["facts"][0] == f"log₂ P {expected:.1f}".replace("-", "−")
    tree = payload_of(app, "beam_tree")
    assert tree["at"] == 2
    assert tree["best"] == last.finished[0].path.tolist()
    assert [len(column) for column in tree["columns"]] == [6] * len(tree["columns"])

    printed = output_of(app)
    for name, text in texts.items():
        line = next(line for line in printed if line.startswith(f"{name} {len(text)} "))
        own = next(one for one in table.to_dict("records") if one["Strategy"] == name)
        values = [float(value) for value in line.removeprefix(f"{name} ").split()]
        expected = [own["Tokens"], own["log₂ P"], own["Score"], own["Distinct-1"], own["Distinct-2"]]
        np.testing.assert_allclose(values, expected, atol=1e-3)
    # Each of the three beams once by us and once by transformers: the same texts, the same scores.
    ours = [line.split(" ", 1) for line in printed if line.startswith("-") and line.endswith("]")]
    theirs = [line.split(" ", 2)[1:] for line in printed if line.startswith("beam ")]
    assert len(ours) == len(theirs) == 3
    for (score, text), (their_score, their_text) in zip(ours, theirs, strict=True):
        assert float(score) == pytest.approx(float(their_score), abs=1e-3)
        assert ast.literal_eval(their_text)[: len(ast.literal_eval(text))] == ast.literal_eval(text)
    assert f"greedy {greedy}" in printed
    assert f"prompt lookup {greedy}" in printed


def test_a_chat_one_strategy_or_none_and_one_beam(embedded_engine: lm.Engine) -> None:
    app = finished(strategies="", text=TEXT)
    assert app.header[0].value.startswith("No strategy is chosen")
    app = finished(strategies="beam", num_beams="1", strategies_prompt="chat", strategies_tokens="3")
    (drawn,) = payload_of(app, "strategy_rows")["rows"]
    assert len(drawn["tokens"]) == 3
    assert "One beam is greedy" in app.header[1].value
    assert app.header[0].value.startswith("Beam search wrote 3 tokens")
    assert embedded_engine.tokenizer.name


def test_a_prompt_that_fills_the_context_offers_a_shorter_one() -> None:
    app = no_exception(open_page("strategies", text="nut " * 9000, strategies="beam"))
    assert "at most 8,192 at once, its reply among them" in sentences(app)
    assert any(button.label.startswith("Keep the last") for button in app.button)
