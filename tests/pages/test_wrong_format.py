"""The wrong format as AppTest runs it: one matrix, no dead end, and the numbers that the code beside it prints."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import lmloupe as lm
from tests.support.pages import no_exception, open_page, output_of, sentences
from ui.chat.lessons import LESSONS
from ui.chat.request import ChatRequest
from ui.chat.wrong_format.cost import Format, Scored, formats, headline, together
from ui.state.link import encode

PAGE = "pages/chat/the_wrong_format.py"
MESSAGES = [{"role": "user", "content": "Capital of France?"}]


def link_of(messages: list[dict[str, Any]]) -> dict[str, str]:
    return encode({"messages": messages}).params


def button(app: AppTest, label: str) -> Any:
    (found,) = [one for one in app.button if one.label == label]
    return found


def row(name: str, *bits: float, own: bool = False) -> Scored:
    return Scored((name,), tuple(name.encode()), np.array(bits, np.float32), own)


@pytest.mark.model
def test_the_matrix_has_the_numbers_of_the_code_and_a_title_that_says_what_it_shows(
    embedded_model_folder: Path,
) -> None:
    app = no_exception(open_page(PAGE, max_new_tokens="3"))
    printed = {line.split(": ")[1]: float(line.split()[0]) for line in output_of(app) if "bits per token: " in line}
    assert len(printed) == 6
    shown = app.dataframe[0].value
    assert shown["Format"][0] == "SmolLM2 and Qwen2"  # they write the same prompt, so they have one row
    assert len(shown) == 5
    for _, line in shown.iterrows():
        name = line["Format"].split(" and ")[0]
        assert line["Bits per token"] == pytest.approx(printed[name], abs=6e-4)
        assert line.iloc[3:].mean() == pytest.approx(line["Bits per token"], rel=1e-5)
    assert [name.split()[1] for name in shown.columns[3:]] == [
        "The",
        "␣capital",
        "␣of",
        "␣France",
        "␣is",
        "␣Paris",
        ".",
    ]
    worst = shown.iloc[shown["Bits per token"].argmax()]
    assert app.header[0].value.replace("\\", "") == (
        f"This answer takes {worst['Bits per token']:.2f} bits per token after {worst['Format']}, "
        f"{shown['Bits per token'][0]:.2f} after the model's own format (SmolLM2 and Qwen2)"
    )
    button(app, "Generate answers").click()
    no_exception(app.run())
    assert sum(bool(re.search("tokens?, greedy", caption.value)) for caption in app.caption) == 5


@pytest.mark.model
def test_a_conversation_without_an_answer_is_no_dead_end(embedded_model_folder: Path) -> None:
    app = no_exception(open_page(PAGE, **link_of(MESSAGES)))
    assert "no answer to score" in app.header[0].value
    assert not app.dataframe
    offered = [one.label for one in app.button]
    for name in ("Several turns", "System prompt", "Tools"):
        assert f"Lesson: {name}" in offered
    button(app, "Let SmolLM2 135M Instruct answer, and score that").click()
    no_exception(app.run())
    assert "bits per token" in app.header[0].value
    assert "the model's own answer in its own format" in sentences(app)
    assert len(app.dataframe[0].value) == 6  # Qwen2 has a system turn of its own here


@pytest.mark.model
def test_what_a_format_leaves_out_is_said(embedded_model_folder: Path) -> None:
    tools = next(one for one in LESSONS if one.key == "tools")
    app = no_exception(open_page(PAGE, **encode({"messages": list(tools.messages), "tools": tools.tools}).params))
    said = sentences(app)
    assert "Qwen2 leaves out the call of 'get_weather'" in said
    assert "Llama 3.1 leaves out" not in said


def test_the_models_own_format_comes_first_whichever_model_it_is() -> None:
    written = formats(ChatRequest(MESSAGES), lm.load_tokenizer("qwen2"))
    assert [form.name for form in written] == [
        "Qwen2", "SmolLM2", "Llama 3.1", "Phi-3", "Qwen2 without generation prompt", "The texts alone, no template",
    ]  # fmt: skip
    assert [form.own for form in written] == [True, *[False] * 5]
    base = formats(ChatRequest(MESSAGES), lm.load_tokenizer("starcoder2"))  # it has no template
    assert not any(form.own for form in base)
    assert [form.name for form in base][-1] == "The texts alone, no template"
    other = replace(ChatRequest(MESSAGES), templates={"qwen2": "{{ raise_exception('no') }}"})
    assert "no" in formats(other, lm.load_tokenizer("qwen2"))[0].error


def test_formats_that_write_the_same_prompt_have_one_row() -> None:
    forms = [Format("A", own=True), Format("B"), Format("C")]
    bits = [np.array([1.0], np.float32)] * 3
    rows = together(forms, [(1,), (2,), (1,)], bits)
    assert [(one.name, one.own) for one in rows] == [("A and C", True), ("B", False)]


def test_the_title_says_so_too_where_the_models_own_format_is_not_the_best() -> None:
    own, better, worse = row("Own", 1, 3, own=True), row("Better", 1, 1), row("Worse", 4, 4)
    assert headline([own, better, worse]) == (
        "This answer takes 4.00 bits per token after Worse, 2.00 after the model's own format (Own), and even less "
        "after Better: 1.00"
    )
    assert headline([own, better]).startswith("Here the model's own format (Own) is the worst: 2.00")
    assert headline([row("A", 1), row("B", 1)]) == "Every format costs this answer the same: 1.00 bits per token"
    assert headline([row("A", 1), row("B", 2)]) == "This answer takes 2.00 bits per token after B, 1.00 after A"
