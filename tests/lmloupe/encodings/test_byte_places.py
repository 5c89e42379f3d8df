"""The place of a token in the bytes of the text, the bytes of a character that are its own, and the card for them."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import lmloupe as lm
from lmloupe.encodings.byte_places import byte_place, tokens_sharing
from lmloupe.tokens.token_bytes import byte_level_alphabet
from tests.support.pages import no_exception, open_page

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@pytest.mark.parametrize("key", lm.embedded_tokenizers())
@settings(max_examples=30, deadline=None)
@given(text=TEXTS)
@example(" 🤚🏽हिन्दी e\u0301 ﬁ")
def test_the_text_has_the_tokens_bytes_where_they_are_said_to_be(key: str, text: str) -> None:
    tok = lm.load_tokenizer(key)
    enc = lm.encode(tok, text, add_special_tokens=True)
    data, at = text.encode(), 0
    places = [byte_place(enc, i) for i in range(len(enc))]
    for i, place in enumerate(places):
        start, end = enc.offsets[i].tolist()
        assert 0 <= place.start <= place.end <= len(data)
        assert i in tokens_sharing(enc, i)
        assert len(text[:start].encode()) <= place.start <= place.end <= len(text[:end].encode()) or start == end
        if place.exact:
            assert data[place.start : place.end] == enc.token_bytes(i)
            assert len(place.parts) <= 2
            whole = b"".join(text[k].encode() for k in range(start, end) if k not in {p.index for p in place.parts})
            assert sum(len(part.bytes) for part in place.parts) + len(whole) == len(enc.token_bytes(i))
            for part in place.parts:
                assert text[part.index] == part.character
                assert part.bytes in enc.token_bytes(i)
        else:
            assert place.parts == ()
    # Where nothing is changed or dropped, the places tile the text.
    missing = [byte for char, byte in byte_level_alphabet().items() if tok.backend.token_to_id(char) is None]
    if key in ("llama-3.1", "starcoder2", "smollm2") and (key == "llama-3.1" or not set(missing) & set(data)):
        for place, added in zip(places, enc.added_mask, strict=True):
            if not added:
                assert (place.exact, place.start) == (True, at)
                at = place.end
        assert at == len(data)


def test_the_three_tokens_of_one_emoji() -> None:
    enc = lm.encode(lm.load_tokenizer("llama-3.1"), "é 🤚!")
    places = [byte_place(enc, i) for i in range(len(enc))]
    assert [(place.start, place.end) for place in places] == [(0, 2), (2, 5), (5, 6), (6, 7), (7, 8)]
    assert [[(part.character, part.start, part.end) for part in place.parts] for place in places] == [
        [],
        [("🤚", 0, 2)],
        [("🤚", 2, 3)],
        [("🤚", 3, 4)],
        [],
    ]


def test_what_a_normalizer_put_in_is_not_said_to_be_in_the_text() -> None:
    enc = lm.encode(lm.load_tokenizer("phi-3"), "Hi")
    assert [byte_place(enc, i).exact for i in range(len(enc))] == [False]
    assert (byte_place(enc, 0).start, byte_place(enc, 0).end) == (0, 2)


@pytest.mark.parametrize(
    ("index", "shown", "said"),
    [
        (1, ("20 f0 9f", "2–3", "3–5"), "Of “🤚”, which is f0 9f a4 9a, it has f0 9f: bytes 1 to 2 of 4."),
        (2, ("a4", "3", "6"), "it has a4: byte 3 of 4."),
        (3, ("9a", "3", "7"), "it has 9a: byte 4 of 4."),
        (0, ("c3 a9", "1", "1–2"), "An ordinary token of whole characters."),
    ],
)
def test_the_card_gives_the_byte_range_and_the_own_bytes(index: int, shown: tuple[str, ...], said: str) -> None:
    enc = lm.encode(lm.load_tokenizer("llama-3.1"), "é 🤚")
    token = {"place": str(enc.offsets[index, 0]), "card_of": "llama-3.1", "card_id": str(enc.input_ids[index])}
    app = no_exception(open_page("tokens", text=enc.text, tokenizers="llama-3.1", **token))
    facts = next(block.proto.body for block in app.get("html") if "Piece as stored" in block.proto.body)
    values = dict(re.findall(r"<dt[^>]*>(.*?)</dt><dd[^>]*>(.*?)</dd>", facts))
    assert (values["Bytes"], values["Characters"], values["Bytes of the text"]) == shown
    assert said in " ".join(mark.value for mark in app.markdown).replace("\\", "")
