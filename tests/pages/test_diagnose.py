"""The page Diagnose: the answer, the real page below it, and what the link carries."""

from __future__ import annotations

import contextlib
import io

import pytest

import lmloupe as lm
from lmloupe.diagnose.known import KNOWN
from tests.support.pages import no_exception, open_page, sentences
from ui.learn.diagnose.examples import EXAMPLES
from ui.learn.embedded_page import read_address
from ui.state.settings.learn import MAX_PASTED_IN_LINK

SECRET = "hf_" + "aBcD1234" * 4


def test_the_page_answers_at_once_and_its_code_says_the_same() -> None:
    app = no_exception(open_page("diagnose"))
    assert app.header[0].value == "generate\\(\\) was given the whole BatchEncoding where it expects the ids"
    assert app.code[1].value == "outputs = model.generate(**inputs, max_new_tokens=50)"
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):  # not `output_of`: the last code is that of the embedded page
        exec(next(one.value for one in app.code if "lm.diagnose" in one.value), {})  # noqa: S102 - the page's own code
    assert printed.getvalue().startswith("8 batch_as_tensor generate() was given")


@pytest.mark.parametrize("name", ["Doubled bos", "A config"])
def test_the_effect_is_the_real_page(name: str) -> None:
    app = no_exception(open_page("diagnose", pasted_text=EXAMPLES[name]))
    one = lm.diagnose(EXAMPLES[name])[0]
    inner = app.session_state["shared_state"].embedded
    assert {key: inner.values[key] for key in read_address(one.page).values} == read_address(one.page).values


def test_a_secret_is_neither_kept_nor_in_the_link_and_a_long_text_stays_out_of_it() -> None:
    app = no_exception(open_page("diagnose", pasted_text=f"login('{SECRET}')\nRepository Not Found for url"))
    shared = app.session_state["shared_state"]
    assert SECRET not in str(shared.values)
    assert SECRET not in str(shared.link)
    assert "hf_…" in shared.link.params["pasted_text"]
    app.text_area(key="pasted_text").set_value("Repository Not Found for url\n" + "x" * MAX_PASTED_IN_LINK).run()
    shared = app.session_state["shared_state"]
    assert shared.link.left_out == ("pasted_text",)
    assert "does not carry the pasted text" in sentences(app)
    assert no_exception(app).header[0].value.startswith("The hub knows no model")


def test_all_examples_and_all_pages_that_findings_name_are_there() -> None:
    for one in KNOWN:
        if one.page:
            read_address(one.page)
    for name, text in EXAMPLES.items():
        found = lm.diagnose(text)
        assert found[0].key != "unknown", name
        assert found[0].page, name
        for one in found:
            read_address(one.page)
