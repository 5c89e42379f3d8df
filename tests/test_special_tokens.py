"""Special tokens: every one explained, found where a text spells it, doubled bos and lost text named with the place."""

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

import lmloupe as lm
from lmloupe.special_tokens import doubled_bos, round_trip, special_in_text, special_token_purpose

FAMILIES = lm.embedded_tokenizers()


@pytest.mark.parametrize("key", FAMILIES)
def test_every_special_token_of_every_family_has_a_purpose(key: str) -> None:
    assert [name for name in lm.load_tokenizer(key).special_tokens if not special_token_purpose(name)] == []


@pytest.mark.parametrize("key", FAMILIES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_special_token_is_found_where_it_stands(key: str, data: st.DataObject) -> None:
    tok = lm.load_tokenizer(key)
    name = data.draw(st.sampled_from(list(tok.special_tokens)))
    before = data.draw(st.text(st.characters(categories=["L", "N", "Zs"]), max_size=8))
    found = special_in_text(tok, f"{before}{name}x")
    assert [(special.content, special.token_id) for special in found] == [(name, tok.special_tokens[name])]
    assert f"{before}{name}x"[found[0].start : found[0].end] == name


def test_white_space_that_a_token_swallows_is_said_apart() -> None:
    (found,) = special_in_text(lm.load_tokenizer("phi-3"), "a<|end|>   b")
    assert (found.start, found.end, found.swallowed) == (1, 8, ((8, 11),))
    backend = tokenizers.Tokenizer(tokenizers.models.WordLevel({"<unk>": 0, "a": 1}, unk_token="<unk>"))  # noqa: S106
    backend.normalizer = tokenizers.normalizers.Lowercase()
    both = tokenizers.AddedToken("<End>", normalized=True, lstrip=True, rstrip=True, special=True)
    backend.add_special_tokens([both, "<unk>"])
    tok = lm.Tokenizer("mine", "folder", None, backend, None, None, None)
    # It is found in the normalized text, however it is spelled; the unknown letters are no text <unk>.
    (found,) = special_in_text(tok, "b  <eNd> c")
    assert (found.content, found.start, found.end, found.swallowed) == ("<End>", 3, 8, ((1, 3), (8, 9)))


def test_a_doubled_bos_is_only_that() -> None:
    llama = lm.load_tokenizer("llama-3.1")
    chat = lm.render_chat(llama, [{"role": "user", "content": "Hi"}])
    assert doubled_bos(lm.encode(llama, chat.text, add_special_tokens=True))
    assert not doubled_bos(chat.encoding)
    assert not doubled_bos(lm.encode(llama, "", add_special_tokens=True))
    assert not doubled_bos(lm.encode(lm.load_tokenizer("qwen2"), "<|im_start|><|im_start|>"))


@pytest.mark.parametrize("key", FAMILIES)
@settings(max_examples=40, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_the_place_where_a_text_is_lost_is_the_first_difference(key: str, text: str) -> None:
    tok = lm.load_tokenizer(key)
    enc = lm.encode(tok, text, parse_special_tokens=False)
    trip = round_trip(enc, n_shown=1000)
    assert trip.survives == enc.round_trips
    if trip.position is not None:
        decoded = lm.decode(tok, enc.input_ids)
        assert text[: trip.position] == decoded[: trip.position]
        assert (trip.before, trip.after) == (text[trip.position :], decoded[trip.position :])
        assert trip.before[:1] != trip.after[:1]
