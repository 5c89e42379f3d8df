"""Offsets: every character that a token's bytes came from lies in them, whatever the normalizer and the model do.

What is right is found here without the library's code: a normalizer is a function of strings, and the text falls into
the smallest parts that it can be applied to one by one. What a part became came from that part.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
import tokenizers
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, models, pre_tokenizers, processors
from tokenizers import normalizers as n

import lmloupe as lm
from lmloupe.tokens.token_bytes import byte_level_alphabet
from tests.support.charsmap import charsmap

MARKS = "e\u0301\u0323\u0307\u0327 a\u0344\u0f73\u3099か\u09c7\u09be\u1100\u1161\u11a8\uac00\uff9e\u0e33\u0340"
OTHERS = "\u200d\u200b\x00\x16\n\r\ufb01½⅓\uf900\u212bİß中\u3000A👨🏽\u0600b"
TEXTS = st.text(st.one_of(st.sampled_from(MARKS + OTHERS), st.characters(exclude_categories=["Cs"])), max_size=9)
TABLE = {"\x00": "", "\u200b": "", "\ufb01": "fi", "½": "1/2", "\n": " ", "\r\n": " ", "e\u0301": "é", "\u0301": ""}
NORMALIZERS: dict[str, Any] = {
    "NFC": n.NFC(),
    "NFD": n.NFD(),
    "NFKC": n.NFKC(),
    "NFKD": n.NFKD(),
    "Lowercase": n.Lowercase(),
    "StripAccents": n.StripAccents(),
    "BertNormalizer": n.BertNormalizer(),
    "Nmt": n.Nmt(),
    "ByteLevel": n.ByteLevel(),
    "Precompiled": n.Precompiled(charsmap(TABLE)),
    "Replace two by one": n.Replace("ab", "X"),
    "Replace by nothing": n.Replace("ab", ""),
    "Replace a pattern": n.Replace(Regex("(a|e\u0301)+"), "qq"),
    "without accents": n.Sequence([n.NFD(), n.Lowercase(), n.StripAccents()]),
    "Replace, then NFC": n.Sequence([n.Replace("ab", "e"), n.NFC()]),
}


def tokenizer_of(backend: tokenizers.Tokenizer) -> lm.Tokenizer:
    return lm.Tokenizer("of this test", "folder", None, backend, None, None, None)


def byte_by_byte(normalizer: Any, *added: AddedToken) -> lm.Tokenizer:
    """A tokenizer whose tokens are the bytes of the normalized text."""
    vocabulary = {f"<0x{byte:02X}>": byte for byte in range(256)} | {"<unk>": 256}
    backend = tokenizers.Tokenizer(models.BPE(vocabulary, [], byte_fallback=True, unk_token="<unk>"))  # noqa: S106
    if normalizer is not None:
        backend.normalizer = normalizer
    backend.add_tokens(list(added))
    return tokenizer_of(backend)


def parts(normalize: Callable[[str], str], text: str) -> list[tuple[int, int]]:
    """The smallest parts of a text that may be normalized one by one."""
    whole = normalize(text)
    if "".join(map(normalize, text)) == whole:
        return [(i, i + 1) for i in range(len(text))]
    cuts = [p for p in range(1, len(text)) if normalize(text[:p]) + normalize(text[p:]) == whole]
    found = list(zip([0, *cuts], [*cuts, len(text)], strict=True))
    assert "".join(normalize(text[a:b]) for a, b in found) == whole
    return found


def check(enc: lm.Encoding, normalize: Callable[[str], str], lost: frozenset[int] = frozenset()) -> None:
    """Every byte of what a part became is in a token that covers the part; what no token covers became nothing."""
    owner = [
        part for part in parts(normalize, enc.text) for byte in normalize(enc.text[slice(*part)]).encode()
        if byte not in lost
    ]  # fmt: skip
    at = 0
    for i, (start, end) in enumerate(enc.offsets.tolist()):
        n_bytes = len(enc.token_bytes(i))
        for first, last in owner[at : at + n_bytes]:
            assert start <= first < last <= end
        at += n_bytes
    assert at == len(owner)
    covered = {i for start, end in enc.offsets.tolist() for i in range(start, end)}
    removed = {i for start, end in enc.removed.tolist() for i in range(start, end)}
    assert removed == set(range(len(enc.text))) - covered
    assert not removed & {i for part in owner for i in range(*part)}


@pytest.mark.parametrize("name", [name for name in NORMALIZERS if name not in ("Precompiled", "ByteLevel")])
@settings(max_examples=40, deadline=None)
@given(text=TEXTS)
@example("a\u0307\u0323b e\u0301")
@example("xabab e\u0301aaabe")
def test_every_normalizer(name: str, text: str) -> None:
    normalizer = NORMALIZERS[name]
    check(lm.encode(byte_by_byte(normalizer), text), normalizer.normalize_str)


@settings(max_examples=80, deadline=None)
@given(text=st.text(st.sampled_from("\x00\u200b\ufb01½\n\r e\u0301xé中"), max_size=8))
@example("\x00\u200babc")
@example("\ufb01\x00e\u0301½\u0301")
def test_sentencepieces_table(text: str) -> None:
    normalizer = NORMALIZERS["Precompiled"]
    enc = lm.encode(byte_by_byte(normalizer), text)
    assert b"".join(enc.token_bytes(i) for i in range(len(enc))) == normalizer.normalize_str(text).encode()
    check(enc, normalizer.normalize_str)


@pytest.mark.parametrize("key", lm.embedded_tokenizers())
@settings(max_examples=60, deadline=None)
@given(text=TEXTS)
@example("a\u0323\u0307b \u1100\u1161\u11a8!")
@example("\x16! \U00040000:")
def test_every_embedded_tokenizer(key: str, text: str) -> None:
    tok = lm.load_tokenizer(key)
    enc = lm.encode(tok, text, parse_special_tokens=False)
    if key == "phi-3":
        # It puts one space in front, which is said to be of the first character; every other character is its own.
        expected = [0] * bool(text) + [i for i, char in enumerate(text) for _ in char.replace("▁", " ").encode()]
        at = 0
        for i, (start, end) in enumerate(enc.offsets.tolist()):
            size = len(enc.token_bytes(i))
            assert all(start <= place < end for place in expected[at : at + size])
            at += size
        return
    lacking = {byte for char, byte in byte_level_alphabet().items() if tok.backend.token_to_id(char) is None}
    normalizer = tok.backend.normalizer
    check(enc, str if normalizer is None else normalizer.normalize_str, frozenset(lacking))


@pytest.mark.parametrize(
    ("text", "ids", "offsets"),
    [
        ("xe\u0301y", [87, 963, 88], [[0, 1], [1, 3], [3, 4]]),
        ("cafe\u0301", [924, 58858], [[0, 2], [2, 5]]),
        ("\u1100\u1161\u11a8!", [126317, 0], [[0, 3], [3, 4]]),
        ("a\u0323\u0307b", [20229, 136, 229, 65], [[0, 3], [0, 3], [0, 3], [3, 4]]),
        ("e<|im_end|>\u0301\u0338", [68, 151645, 136, 116, 53839], [[0, 1], [1, 11], [11, 13], [11, 13], [11, 13]]),
    ],
)
def test_qwen2_composes(text: str, ids: list[int], offsets: list[list[int]]) -> None:
    tok = lm.load_tokenizer("qwen2")
    enc = lm.encode(tok, text)
    assert enc.input_ids.tolist() == tok.backend.encode(text).ids == ids
    assert enc.offsets.tolist() == offsets
    shown = lm.stages(tok, text, add_special_tokens=False)
    assert shown.offsets.tolist() == shown.post_processed_offsets.tolist() == offsets
    assert [piece.text for piece in shown.pieces if not piece.text] == []
    apart = lm.load_tokenizer_file(tok.backend.to_str().encode(), "qwen2.json") if text[0] == "a" else tok
    assert lm.encode(apart, text).offsets.tolist() == lm.stages(apart, text, False).offsets.tolist() == offsets


CONTENTS = ["\u2044", "ab", "a b", " a", "é", "e\u0301", "½", "AB"]
FLAGS = st.fixed_dictionaries({name: st.booleans() for name in ("normalized", "lstrip", "rstrip", "single_word")})
ADDED = st.lists(st.tuples(st.sampled_from(CONTENTS), FLAGS, st.booleans()), max_size=3, unique_by=lambda it: it[0])
PRE_TOKENIZERS = {
    "none": None,
    "first": pre_tokenizers.Metaspace(prepend_scheme="first"),
    "words, first": pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="first")]
    ),
    "bytes": pre_tokenizers.ByteLevel(add_prefix_space=True),
    "bert": pre_tokenizers.BertPreTokenizer(),
}


@pytest.mark.parametrize("pre", PRE_TOKENIZERS)
@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from([None, *NORMALIZERS]),
    added=ADDED,
    texts=st.lists(TEXTS, min_size=1, max_size=3),
    data=st.data(),
)
def test_stages_and_replay_have_the_ids_of_encode(
    pre: str, name: str | None, added: list[tuple[str, dict[str, bool], bool]], texts: list[str], data: st.DataObject
) -> None:
    tok = byte_by_byte(NORMALIZERS[name] if name else None)
    normalize = NORMALIZERS[name].normalize_str if name else str
    # Two that the normalizer makes the same are one in the library; one of which it leaves nothing matches inside
    # characters, where the library fails.
    spelled = [normalize(content) for content, flags, _ in added if flags["normalized"]]
    assume(all(spelled) and len(set(spelled)) == len(spelled))
    for content, flags, special in added:
        tok.backend.add_tokens([AddedToken(content, special=special, **flags)])
    if PRE_TOKENIZERS[pre] is not None:
        tok.backend.pre_tokenizer = PRE_TOKENIZERS[pre]
    tok = tokenizer_of(tok.backend)
    text = data.draw(st.sampled_from([*CONTENTS, ""])).join([*texts, ""])
    for parse in (True, False):
        enc = lm.encode(tok, text, False, parse)
        shown = lm.stages(tok, text, False, parse)
        assert shown.input_ids.tolist() == enc.input_ids.tolist()
        assert lm.merge_steps(tok, text, parse).ids.tolist() == enc.input_ids.tolist()
        assert shown.offsets.tolist() == enc.offsets.tolist()
        assert {i for s in shown.segments for i in range(s.start, s.end)} == set(range(len(text)))
        assert lm.align([enc]).segments[-1:].tolist() in ([], [[0, len(text)]]) or len(enc) > 1


def test_a_character_that_becomes_several_with_an_added_token_among_them() -> None:
    tok = byte_by_byte(n.NFKC(), AddedToken("\u2044", normalized=True))
    for text in ("⅓", "a⅓a", "½⅓"):
        shown = lm.stages(tok, text, False)
        assert shown.input_ids.tolist() == tok.backend.encode(text).ids == lm.merge_steps(tok, text).ids.tolist()
        covered = [place for segment in shown.segments for place in range(segment.start, segment.end)]
        assert sorted(set(covered)) == list(range(len(text)))


def test_an_added_token_of_which_the_normalizer_leaves_nothing() -> None:
    backend = tokenizers.Tokenizer(models.BPE({"<unk>": 0, "a": 1, "b": 2, "ab": 3}, [("a", "b")], unk_token="<unk>"))  # noqa: S106
    backend.normalizer = n.BertNormalizer()
    backend.add_tokens([AddedToken("\u200b", normalized=True)])
    tok = tokenizer_of(backend)
    assert backend.encode("abab").ids == [1, 2, 1, 2]
    assert lm.stages(tok, "abab", False).input_ids.tolist() == lm.merge_steps(tok, "abab").ids.tolist() == [1, 2, 1, 2]
    # Between the bytes of one character it splits the character, and the library fails: that is not a pattern's fault.
    with pytest.raises(lm.TokenizerFailedError, match="failed on this text with the rules of 'of this test'") as raised:
        lm.encode(tok, "中")
    assert "pattern" not in str(raised.value)


@settings(max_examples=40, deadline=None)
@given(text=st.text(st.sampled_from("aé…中b"), max_size=6))
@example("aé…")
def test_a_model_that_counts_past_the_end(text: str) -> None:
    vocabulary = {"a": 0, "</w>": 1} | {f"<0x{byte:02X}>": byte + 2 for byte in range(256)}
    backend = tokenizers.Tokenizer(models.BPE(vocabulary, [], byte_fallback=True, end_of_word_suffix="</w>"))
    enc = lm.encode(tokenizer_of(backend), text)
    places = [i for i, char in enumerate(text) for _ in (char + "</w>" * (i == len(text) - 1)).encode()]
    if not text.startswith("a") and "a" not in text:
        assert enc.offsets.tolist() == [[place, place + 1] for place in places]
    assert enc.offsets.max(initial=0) == len(text)
    assert not len(enc.removed)
    assert lm.align([enc]).segments[:, 1].max(initial=0) == len(text)


def test_a_post_processor_that_trims_leaves_the_space_to_its_token() -> None:
    backend = tokenizers.Tokenizer(models.BPE({char: i for i, char in enumerate(sorted(byte_level_alphabet()))}, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.post_processor = processors.ByteLevel(trim_offsets=True)
    assert backend.encode("a b").offsets == [(0, 1), (2, 2), (2, 3)]
    whole = [[0, 1], [1, 2], [2, 3]]
    assert lm.encode(tokenizer_of(backend), "a b").offsets.tolist() == whole
    apart = lm.load_tokenizer_file(backend.to_str().encode(), "gpt2.json")
    assert lm.encode(apart, "a b").offsets.tolist() == lm.stages(apart, "a b").offsets.tolist() == whole


def test_a_text_that_is_normalized_already_is_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from lmloupe.offsets import true_offsets

    def never(*_: object) -> None:
        raise AssertionError("the slow way")

    monkeypatch.setattr(true_offsets, "text_tokens", never)
    for text in ("plain", unicodedata.normalize("NFC", "Việt Nam 한국어 हिन्दी café")):
        for key in lm.embedded_tokenizers():
            lm.encode(lm.load_tokenizer(key), text)
    with pytest.raises(AssertionError, match="the slow way"):
        lm.encode(lm.load_tokenizer("qwen2"), "e\u0301")


def test_files_of_the_tokenizer_keep_their_other_settings() -> None:
    tok = lm.load_tokenizer("smollm2")
    state = json.loads(tok.backend.to_str())
    lm.encode(tok, "\x16! e\u0301")
    assert json.loads(tok.backend.to_str()) == state
