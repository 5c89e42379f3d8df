"""Why it splits so: the word round a token, beside another tokenizer, in a sentence that the merges bear out."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from tests.support.pages import REPOSITORY, no_exception, sentences


def opened(name: str, text: str, index: int) -> AppTest:
    app = AppTest.from_file(str(REPOSITORY / "tests/support/apps/why_app.py"), default_timeout=60)
    for key, value in {"name": name, "text": text, "index": index}.items():
        app.session_state[key] = value
    return no_exception(app.run())


@pytest.mark.parametrize(
    ("name", "index", "said"),
    [
        ("llama-3.1", 2, "Llama 3.1 learned con + ut as merge 72,303; Phi-3 never did."),  # token 0 is the bos
        ("phi-3", 3, "Llama 3.1 learned con + ut as merge 72,303; Phi-3 never did."),
        ("smollm2", 1, "SmolLM2 and Phi-3 both end with one token."),
    ],
)
def test_the_word_round_a_token_is_compared(name: str, index: int, said: str) -> None:
    text = "A coconut" if name != "smollm2" else "I can"
    assert opened(name, text, index).header[0].value.replace("\\", "") == said


def test_the_one_beside_is_never_the_same_tokenizer() -> None:
    app = opened("phi-3", "A coconut", 3)
    assert app.selectbox(key="compare_with").options == ["beside Llama 3.1"]


def test_what_no_merge_made_and_what_is_too_long_are_said() -> None:
    assert "no merge made it" in sentences(opened("llama-3.1", "A", 0))
    assert "has room for 240" in sentences(opened("llama-3.1", "a" * 400, 1))
