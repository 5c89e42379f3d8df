"""What looks like a special token and is none: found for every family, and never where a text has none."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lmloupe as lm
from lmloupe.encodings.lookalikes import OTHER_FORMATS, misspelt_special, special_lookalikes

FAMILIES = [lm.load_tokenizer(name) for name in lm.embedded_tokenizers()]


@pytest.mark.parametrize("tok", FAMILIES, ids=lambda tok: tok.name)
def test_a_misspelt_special_token_is_ordinary_and_the_real_one_is_one_token(tok: lm.Tokenizer) -> None:
    pair = misspelt_special(tok)
    assert pair is not None
    real, wrong = pair
    assert lm.encode(tok, real).input_ids.tolist() == [tok.special_tokens[real]]
    enc = lm.encode(tok, f"{wrong} {real}")
    (found,) = special_lookalikes(enc, FAMILIES)
    assert (found.text, found.start, found.end, found.meant, found.of) == (wrong, 0, len(wrong), real, tok.name)
    assert found.n_tokens == len(lm.encode(tok, wrong)) > 1
    assert not enc.special_tokens_mask[: found.n_tokens].any()


def test_begin_of_text_is_five_ordinary_tokens_of_llama_and_one_special_token() -> None:
    tok = FAMILIES[0]
    assert [token.text for token in lm.encode(tok, "<beginOfText>").tokens] == ["<", "begin", "Of", "Text", ">"]
    assert len(lm.encode(tok, "<|begin_of_text|>")) == 1


@pytest.mark.parametrize(
    ("name", "text", "meant", "of"),
    [
        ("qwen2", "<|im_strat|>", "<|im_start|>", "qwen2"),  # a typing error
        ("llama-3.1", "<|im_start|>", "<|im_start|>", "qwen2"),  # another family's
        ("llama-3.1", "[INST]", "[INST]", ""),
        ("phi-3", "<<SYS>>", "<<SYS>>", ""),
        ("qwen2", "<|of_no_family|>", "", ""),  # the form alone
    ],
)
def test_typing_errors_and_other_families(name: str, text: str, meant: str, of: str) -> None:
    enc = lm.encode(lm.load_tokenizer(name), f"a {text} b")
    (found,) = special_lookalikes(enc, FAMILIES)
    assert (found.text, found.meant, found.of) == (text, meant, of)
    assert enc.text[found.start : found.end] == text


def test_markup_code_and_real_special_tokens_do_not_look_like_special_tokens() -> None:
    text = "<div class='a'><b>if a < b and c > d:</b> x[KEY] [TODO] List<String> <|eot_id|></div>"
    assert special_lookalikes(lm.encode(lm.load_tokenizer("llama-3.1"), text), FAMILIES) == ()
    assert all(not (text in tok.special_tokens and tok.name != "phi-3") for tok in FAMILIES for text in OTHER_FORMATS)


def test_no_more_are_looked_for_than_asked() -> None:
    enc = lm.encode(lm.load_tokenizer("qwen2"), "<|a|>" * 50)
    assert len(special_lookalikes(enc, limit=3)) == 3


@given(st.lists(st.sampled_from(["<|", "|>", "<", ">", "[INST]", "eot", "_", " ", "im_start", "é", "<|im_end|>"])))
@settings(max_examples=60, deadline=None)
def test_what_is_found_is_spelled_there_and_is_no_special_token(parts: list[str]) -> None:
    tok = lm.load_tokenizer("qwen2")
    enc = lm.encode(tok, "".join(parts))
    for found in special_lookalikes(enc, FAMILIES):
        assert enc.text[found.start : found.end] == found.text not in tok.special_tokens
        assert 1 <= found.n_tokens <= len(enc)
