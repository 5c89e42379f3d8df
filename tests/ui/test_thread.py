"""The thread: a token found again by its place in the text, whatever the tokenizer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lmloupe as lm
from ui.state.link import decode
from ui.state.settings.defaults import DEFAULT_TEXT
from ui.state.thread import covering, n_added, without_bos


@pytest.mark.parametrize("name", ["llama-3.1", "phi-3", "qwen2", "starcoder2", "smollm2"])
@pytest.mark.parametrize("add", [False, True])
def test_every_place_leads_to_the_first_token_that_holds_it(name: str, add: bool) -> None:
    enc = lm.encode(lm.load_tokenizer(name), DEFAULT_TEXT, add, True)
    for place in range(len(DEFAULT_TEXT)):
        found = covering(enc, place)
        holding = [i for i, (start, end) in enumerate(enc.offsets.tolist()) if start <= place < end]
        assert found == holding[0]


@given(text=st.text(min_size=1, max_size=30), place=st.integers(0, 60))
def test_a_place_beyond_the_text_still_is_a_token(text: str, place: int) -> None:
    enc = lm.encode(lm.load_tokenizer("qwen2"), text)
    assert 0 <= covering(enc, place) < len(enc)


def test_a_token_keeps_its_characters_from_one_family_to_the_next() -> None:
    text = "Две пальмы 🥥 fell"
    phi, smol = (lm.encode(lm.load_tokenizer(name), text) for name in ("phi-3", "smollm2"))
    for i, (start, end) in enumerate(phi.offsets.tolist()):
        if start < end:
            there = smol.offsets[covering(smol, start)]
            assert there[0] <= start < there[1], phi.token(i)


def test_what_the_tokenizer_adds_is_not_counted() -> None:
    tok = lm.load_tokenizer("llama-3.1")
    assert n_added(lm.encode(tok, "Hello there", True)) == 1
    assert n_added(lm.encode(tok, "Hello there", False)) == 0
    written = lm.encode(tok, "<|begin_of_text|>Hello", False, True)
    assert n_added(written) == 0, "a special token in the text is the person's own"
    prompt = lm.render_chat(tok, [{"role": "user", "content": "Hi"}]).encoding
    again = lm.encode(tok, without_bos(tok, prompt.text), True, True)
    np.testing.assert_array_equal(again.input_ids, prompt.input_ids)


def test_the_place_and_the_settings_of_the_pages_come_through_a_link() -> None:
    params = {"place": "7", "score_by": "entropy", "lens_by": "rank", "lens_layer": "3", "attention_as": "matrix"}
    values, ignored = decode(params)
    assert not ignored
    assert values == {"place": 7, "score_by": "entropy", "lens_by": "rank", "lens_layer": 3, "attention_as": "matrix"}
