"""The ruler: boundaries equal their definition character by character, segments tile the text, time is linear."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import lmloupe as lm
from lmloupe.encodings.alignment import align
from lmloupe.encodings.budget import context_share, cut, price

FAMILIES = lm.embedded_tokenizers()
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.text(
    "ae\u0301 \u0327🤚🏽한\n1\x00\x01", max_size=30
)


def encodings(text: str, add_special_tokens: bool = False) -> list[lm.Encoding]:
    return [lm.encode(lm.load_tokenizer(key), text, add_special_tokens) for key in FAMILIES]


def cuts_by_definition(enc: lm.Encoding) -> list[int]:
    """A position is a cut where a token begins and none reaches over it; the text's two ends always are."""
    spans = [(s, e) for s, e in enc.offsets.tolist() if s < e]
    first = min((s for s, _ in spans), default=0)
    begins = {s for s, _ in spans if s > first}
    inner = {p for p in begins if not any(s < p < e for s, e in spans)}
    return sorted(inner | {0, len(enc.text)})


@settings(max_examples=40, deadline=None)
@given(text=TEXTS, add=st.booleans())
@example("", False)
@example(" 🤚🏽 e\u0301x\u0301 हिन्दी <|eot_id|></s>  x\n\n", True)
def test_everything_equals_its_definition(text: str, add: bool) -> None:
    encs = encodings(text, add)
    found = align(encs)
    cuts = [set(cuts_by_definition(enc)) for enc in encs]
    for i, expected in enumerate(cuts):
        assert set(found.cuts(i).tolist()) == expected
        others = set().union(*(c for j, c in enumerate(cuts) if j != i))
        assert set(found.alone[i].tolist()) == expected - others
    assert found.boundaries.shape == (len(encs), len(text) + 1)
    assert found.counts.tolist() == [sum(p in c for c in cuts) for p in range(len(text) + 1)]
    assert set(found.shared.tolist()) == set.intersection(*cuts)
    inner = [c - {0, len(text)} for c in cuts]
    for i, a in enumerate(inner):
        for j, b in enumerate(inner):
            assert found.agreement[i, j] == (len(a & b) / len(a | b) if a | b else 1.0)


@settings(max_examples=40, deadline=None)
@given(text=TEXTS)
def test_segments_tile_the_text_and_hold_every_token(text: str) -> None:
    encs = encodings(text)
    found = align(encs)
    assert "".join(text[start:end] for start, end in found.segments.tolist()) == text
    assert all(start < end for start, end in found.segments.tolist())
    for enc, counts in zip(encs, found.tokens_per_segment, strict=True):
        spans = [(s, e) for s, e in enc.offsets.tolist() if s < e]
        expected = [sum(start <= s and e <= end for s, e in spans) for start, end in found.segments.tolist()]
        assert counts.tolist() == expected
        assert counts.sum() == len(spans)


def test_parts_of_an_emoji_make_no_cut() -> None:
    found = align([lm.encode(lm.load_tokenizer("llama-3.1"), " 🤚!")])
    assert found.cuts(0).tolist() == [0, 2, 3]
    assert found.tokens_per_segment.tolist() == [[3, 1]]
    assert found.alone[0].size == 0


def test_an_accent_that_was_merged_belongs_to_its_letter() -> None:
    enc = lm.encode(lm.load_tokenizer("qwen2"), "e\u0301x")
    assert enc.offsets.tolist() == [[0, 2], [2, 3]]
    assert align([enc]).cuts(0).tolist() == [0, 2, 3]


def test_texts_must_be_the_same() -> None:
    a, b = (lm.encode(lm.load_tokenizer("qwen2"), text) for text in ("one", "two!"))
    with pytest.raises(lm.InvalidSettingError, match=r"Encoding 2 .*4 and 3 characters"):
        align([a, b])
    with pytest.raises(lm.InvalidSettingError, match="nothing to align"):
        align([])


def test_a_long_text_has_its_last_cut_at_its_end() -> None:
    text = ("The coconut palm, हिन्दी, 42! " * 7000)[:200_000]
    found = align([lm.encode(lm.load_tokenizer(key), text) for key in ("llama-3.1", "starcoder2")])
    assert found.shared[-1] == len(text)
    assert 0.5 < found.agreement[0, 1] < 1
    assert found.counts.max() == 2


@settings(max_examples=40, deadline=None)
@given(text=TEXTS, n=st.integers(0, 40))
@example(" 🤚", 1)
def test_a_cut_keeps_whole_characters_and_says_when_one_is_halved(text: str, n: int) -> None:
    for enc in encodings(text):
        kept = cut(enc, n)
        assert text.startswith(kept.text)
        assert len(kept.text) == kept.n_chars
        assert kept.n_tokens == min(n, len(enc))
        raw = b"".join(enc.token_bytes(i) for i in range(kept.n_tokens))
        try:
            raw.decode()
            halved = False
        except UnicodeDecodeError as error:
            # Only bytes that the vocabulary cannot spell leave a hole in the middle.
            halved = error.reason == "unexpected end of data"
        if kept.n_tokens and (halved or enc.tokenizer.name not in ("starcoder2", "smollm2")):
            assert kept.inside_character == halved
        if n >= len(enc) and len(enc):
            assert kept.text == text
        later = [s for s, e in enc.offsets[n:].tolist() if s < e]
        assert all(kept.n_chars <= s for s in later)


def test_share_and_price_are_plain_arithmetic() -> None:
    assert context_share(3000, 4000) == 0.75
    assert price(2_500_000, 0.4) == pytest.approx(1.0)
    for bad in (
        lambda: context_share(1, 0),
        lambda: price(-1, 1),
        lambda: price(1, float("nan")),
        lambda: price(1, -0.1),
    ):
        with pytest.raises(lm.InvalidSettingError, match="at least"):
            bad()
    with pytest.raises(lm.InvalidSettingError, match="n is -1"):
        cut(lm.encode(lm.load_tokenizer("qwen2"), "a"), -1)
    assert np.isfinite(context_share(0, 1))
