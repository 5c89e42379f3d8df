"""Two tokenizers line by line: every answer equals its definition, written here with plain loops over tokens."""

from itertools import pairwise

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

import lmloupe as lm
from lmloupe.encodings.alignment import align
from lmloupe.encodings.lines import LineComparison, compare_lines

BYTE_LEVEL = ("llama-3.1", "starcoder2", "smollm2")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.text(
    "ae\u0301 \u0327🤚🏽한\n1\r\x00", max_size=30
)
PAIRS = st.tuples(*[st.sampled_from(lm.embedded_tokenizers())] * 2)


def compared(text: str, names: tuple[str, str], add_special_tokens: bool = False) -> LineComparison:
    return compare_lines(*(lm.encode(lm.load_tokenizer(name), text, add_special_tokens) for name in names))


def lines_of(text: str) -> list[str]:
    parts = text.split("\n")
    lines = [part + "\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
    return lines or [""]


@settings(max_examples=60, deadline=None)
@given(text=TEXTS, names=PAIRS, add=st.booleans())
@example("", ("llama-3.1", "phi-3"), True)
@example("a\n\n\n  b🤚\n\n", ("llama-3.1", "phi-3"), True)
@example("e\u0301\n🤚🏽\r\n한\x16국", ("qwen2", "starcoder2"), False)
def test_every_token_is_in_the_line_where_it_begins(text: str, names: tuple[str, str], add: bool) -> None:
    found = compared(text, names, add)
    assert [found.line(i) for i in range(len(found))] == lines_of(text)
    spans = list(pairwise(found.line_starts.tolist()))
    for which, enc in enumerate(found.encodings):
        assert [t for i in range(len(found)) for t in found.ids(which, i).tolist()] == enc.input_ids.tolist()
        for i, (start, end) in enumerate(spans):
            own = enc.offsets[found.first_tokens[which][i] : found.first_tokens[which][i + 1]].tolist()
            assert all(start <= s < end for s, e in own if s < e)


@settings(max_examples=60, deadline=None)
@given(text=TEXTS, names=PAIRS, add=st.booleans())
@example("\n\n\nx", ("llama-3.1", "starcoder2"), False)
@example("0\u0300\u0316", ("llama-3.1", "qwen2"), False)
def test_a_line_is_the_same_where_each_of_its_tokens_is_in_both(text: str, names: tuple[str, str], add: bool) -> None:
    found = compared(text, names, add)
    odd = [
        (s, e)
        for enc, both in zip(found.encodings, found.in_both, strict=True)
        for (s, e), shared in zip(enc.offsets.tolist(), both.tolist(), strict=True)
        if s < e and not shared
    ]
    spans = list(pairwise(found.line_starts.tolist()))
    expected = [not any(s < end and e > start for s, e in odd) for start, end in spans]
    assert found.same.tolist() == expected
    assert found.different.tolist() == [i for i, same in enumerate(expected) if not same]
    assert found.share_same == sum(expected) / len(expected)
    assert found.agreement == align(found.encodings).agreement[0, 1]
    pairs = [
        sorted(map(tuple, enc.offsets[both].tolist())) for enc, both in zip(found.encodings, found.in_both, strict=True)
    ]
    assert pairs[0] == pairs[1], "tokens that are in both cover the same characters"


def own_bytes(name: str, text: str) -> list[tuple[int, int]]:
    """Bytes of the text under every token, from the tokenizers library alone: byte-level tokens lie end to end."""
    tok, place, spans = lm.load_tokenizer(name), 0, []
    for token_id in tok.backend_plain.encode(text, add_special_tokens=False).ids:
        spans.append((place, place := place + len(tok.token_bytes(token_id))))
    assume(place == len(text.encode()))  # a vocabulary that lacks a byte drops it
    return spans


@settings(max_examples=80, deadline=None)
@given(text=TEXTS, names=st.tuples(*[st.sampled_from(BYTE_LEVEL)] * 2))
@example("🤚🏽 한국 🤚", ("llama-3.1", "starcoder2"))
@example("𒀀\U0001f9a5\n\u0301🥥🥥", ("starcoder2", "smollm2"))
def test_tokens_in_both_hold_the_same_bytes(text: str, names: tuple[str, str]) -> None:
    found = compare_lines(*(lm.encode(lm.load_tokenizer(name), text, parse_special_tokens=False) for name in names))
    first, second = (own_bytes(name, text) for name in names)
    assert found.in_both[0].tolist() == [span in set(second) for span in first]
    assert found.in_both[1].tolist() == [span in set(first) for span in second]
    if names[0] == names[1]:
        assert found.same.all()


def test_offsets_of_tokenizers_itself_say_the_same() -> None:
    text = "print(2026)\n\nIt was a dark night.\nAnd then we ran home.\nThe coconut drifted.\n"
    names = ("llama-3.1", "qwen2")
    found = compared(text, names)
    raw = [set(lm.load_tokenizer(name).backend.encode(text, add_special_tokens=False).offsets) for name in names]
    starts = found.line_starts.tolist()
    differing = raw[0] ^ raw[1]
    expected = [not any(s < end and e > start for s, e in differing) for start, end in pairwise(starts)]
    assert found.same.tolist() == expected
    assert True in expected
    assert False in expected


def test_texts_must_be_the_same() -> None:
    tok = lm.load_tokenizer("llama-3.1")
    with pytest.raises(lm.InvalidSettingError, match="another text"):
        compare_lines(lm.encode(tok, "a"), lm.encode(tok, "b"))
