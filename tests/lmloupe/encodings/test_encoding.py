"""Encodings equal the tokenizers library's, bytes and offsets tell the truth, and nothing shared is changed."""

import subprocess
import sys
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import lmloupe as lm
from lmloupe.tokens.token_bytes import byte_level_alphabet

FAMILIES = lm.embedded_tokenizers()
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def missing_bytes(tok: lm.Tokenizer) -> set[int]:
    """Bytes that the vocabulary cannot spell: the published tokenizer drops them without a word."""
    if tok.name == "phi-3":
        return set()
    return {byte for char, byte in byte_level_alphabet().items() if tok.backend.token_to_id(char) is None}


each_family = pytest.mark.parametrize("key", FAMILIES)


@each_family
@settings(max_examples=40, deadline=None)
@given(text=TEXTS)
@example("")
@example("\x00\n coconut 🤚🏽 हिन्दी \u202eעברית <|eot_id|></s><|im_end|>")
def test_ids_and_offsets_are_those_of_the_tokenizers_library(key: str, text: str) -> None:
    tok = lm.load_tokenizer(key)
    # Where the library loses a byte its offsets are wrong: tests/lmloupe/offsets/test_offsets.py.
    lost = missing_bytes(tok)
    text = unicodedata.normalize("NFC", "".join(char for char in text if not lost.intersection(char.encode())))
    for add in (False, True):
        enc = lm.encode(tok, text, add_special_tokens=add)
        raw = tok.backend.encode(text, add_special_tokens=add)
        assert enc.input_ids.tolist() == raw.ids
        assert [tuple(pair) for pair in enc.offsets.tolist()] == raw.offsets
        assert enc.input_ids.dtype == enc.offsets.dtype == np.int32


@each_family
@settings(max_examples=50, deadline=None)
@given(text=TEXTS)
@example("é🤚ﬁ")
@example("  leading and trailing  ")
def test_bytes_of_the_tokens_are_the_bytes_of_the_text(key: str, text: str) -> None:
    tok = lm.load_tokenizer(key)
    enc = lm.encode(tok, text, parse_special_tokens=False)
    joined = b"".join(enc.token_bytes(i) for i in range(len(enc)))
    normalizer = tok.backend.normalizer
    expected = text if normalizer is None or key == "phi-3" else normalizer.normalize_str(text)
    if key == "phi-3" and text:
        # Prepends a space, and its own ▁ in a text means a space.
        expected = " " + text.replace("▁", " ")
    lost = missing_bytes(tok)
    assert joined == bytes(byte for byte in expected.encode() if byte not in lost)


@each_family
@settings(max_examples=50, deadline=None)
@given(text=TEXTS)
def test_offsets_tile_the_text(key: str, text: str) -> None:
    tok = lm.load_tokenizer(key)
    lost = missing_bytes(tok)
    text = "".join(char for char in text if not lost.intersection(char.encode()))
    enc = lm.encode(tok, text, parse_special_tokens=False)
    reached = 0
    for start, end in enc.offsets.tolist():
        assert start <= reached <= end or (start, end) == (0, 0)
        reached = max(reached, end)
    assert reached == len(text)


@each_family
@settings(max_examples=50, deadline=None)
@given(text=TEXTS)
@example("e\u0301")  # NFC changes it, so Qwen2 does not give it back
def test_round_trips_says_what_decoding_does(key: str, text: str) -> None:
    tok = lm.load_tokenizer(key)
    enc = lm.encode(tok, text, add_special_tokens=True)
    ids = lm.encode(tok, text).input_ids
    assert enc.round_trips == (tok.backend.decode(ids.tolist(), skip_special_tokens=False) == text)


@each_family
def test_special_tokens_are_read_or_spelled(key: str) -> None:
    tok = lm.load_tokenizer(key)
    for content, token_id in tok.special_tokens.items():
        parsed = lm.encode(tok, f"a{content}b")
        assert token_id in parsed.input_ids
        assert parsed.special_tokens_mask.tolist() == (parsed.input_ids == token_id).tolist()
        plain = lm.encode(tok, f"a{content}b", parse_special_tokens=False)
        assert not plain.special_tokens_mask.any()
        assert lm.decode(tok, plain.input_ids) == f"a{content}b"


@each_family
def test_plain_and_parsed_do_not_disturb_each_other_across_threads(key: str) -> None:
    tok = lm.load_tokenizer(key)
    text = next(iter(tok.special_tokens)) + " and some text"
    expected = [lm.encode(tok, text, parse_special_tokens=p).input_ids.tolist() for p in (True, False)]
    assert expected[0] != expected[1]
    with ThreadPoolExecutor(8) as pool:
        jobs = [(p, pool.submit(lm.encode, tok, text, False, p)) for p in (True, False) * 200]
        assert all(job.result().input_ids.tolist() == expected[0 if p else 1] for p, job in jobs)


@each_family
def test_a_lone_surrogate_is_named_with_its_place(key: str) -> None:
    with pytest.raises(lm.InvalidTextError, match=r"Character 2 is U\+DC00"):
        lm.encode(lm.load_tokenizer(key), "ab\udc00")


@each_family
@pytest.mark.parametrize("bad", [-1, 10**6, 2**40])
def test_an_id_outside_the_vocabulary_is_named(key: str, bad: int) -> None:
    tok = lm.load_tokenizer(key)
    with pytest.raises(lm.InvalidIdError, match=rf"Id {bad} \(number 2 of 2\).*{tok.vocab_size - 1}"):
        lm.decode(tok, [5, bad])
    with pytest.raises(lm.InvalidIdError, match=str(bad)):
        tok.piece(bad)


@each_family
def test_only_the_two_code_vocabularies_lack_bytes(key: str) -> None:
    tok = lm.load_tokenizer(key)
    missing = missing_bytes(tok)
    assert bool(missing) == (key in ("starcoder2", "smollm2"))
    for byte in missing:
        if byte < 128:
            assert len(lm.encode(tok, chr(byte))) == 0
            assert not lm.encode(tok, chr(byte)).round_trips


@each_family
def test_vocab_size_is_one_more_than_the_largest_id(key: str) -> None:
    tok = lm.load_tokenizer(key)
    assert tok.vocab_size == max(tok.backend.get_vocab().values()) + 1


@each_family
@pytest.mark.parametrize("length", [1_000_000])
def test_a_megabyte_is_one_encoding(key: str, length: int) -> None:
    text = ("The coconut palm, हिन्दी, 42! " * (length // 30 + 1))[:length]
    enc = lm.encode(lm.load_tokenizer(key), text)
    assert enc.offsets[-1, 1] == length
    assert enc.round_trips


def test_half_an_emoji_keeps_its_bytes() -> None:
    enc = lm.encode(lm.load_tokenizer("llama-3.1"), " 🤚")
    assert [token.bytes.hex(" ") for token in enc.tokens] == ["20 f0 9f", "a4", "9a"]
    assert [token.text for token in enc.tokens] == [" 🤚", "🤚", "🤚"]


@each_family
@settings(max_examples=40, deadline=None)
@given(text=TEXTS)
def test_spelling_an_encodings_ids_gives_its_text_and_offsets(key: str, text: str) -> None:
    tok = lm.load_tokenizer(key)
    text = "".join(char for char in text if not missing_bytes(tok).intersection(char.encode()))
    enc = lm.encode(tok, text, parse_special_tokens=False)
    spelled = lm.spell(tok, enc.input_ids)
    assert spelled.input_ids.tolist() == enc.input_ids.tolist()
    assert spelled.text == b"".join(enc.token_bytes(i) for i in range(len(enc))).decode(errors="replace")
    if spelled.text == text:
        assert spelled.offsets.tolist() == enc.offsets.tolist()


def test_spelling_shows_broken_bytes_one_by_one() -> None:
    tok = lm.load_tokenizer("llama-3.1")
    spelled = lm.spell(tok, [97, 248, 11410])
    assert spelled.text == "�� ��"
    assert spelled.offsets.tolist() == [[0, 1], [1, 2], [2, 5]]
    with pytest.raises(lm.InvalidIdError, match="999999"):
        lm.spell(tok, [999999])


def test_llama_adds_one_bos() -> None:
    enc = lm.encode(lm.load_tokenizer("llama-3.1"), "a", add_special_tokens=True)
    assert enc.input_ids.tolist() == [128000, 64]
    assert enc.added_mask.tolist() == [True, False]
    assert enc.round_trips


def test_encoding_loads_neither_torch_nor_transformers_nor_streamlit() -> None:
    code = (
        "import sys, lmloupe as lm; lm.encode(lm.load_tokenizer('phi-3'), 'a'); "
        "lm.render_chat(lm.load_tokenizer('qwen2'), [{'role': 'user', 'content': 'hi'}]); lm.Sampling; "
        "print(sorted({'torch', 'transformers', 'streamlit', 'pandas', 'plotly'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_row_of_the_matrix_that_no_token_names_is_an_id_without_text() -> None:
    plain = lm.load_tokenizer("qwen2")
    tok = plain.for_matrix(151_936)
    ids = [151_700, 9707, 151_935, 1879]
    spelled = lm.spell(tok, ids)
    assert spelled.text == "Hello world" == lm.decode(tok, ids)
    assert spelled.input_ids.tolist() == ids
    assert spelled.offsets.tolist() == [[0, 0], [0, 5], [5, 5], [5, 11]]
    assert [(token.piece, token.bytes) for token in spelled.tokens[::2]] == [("", b"")] * 2
    assert not spelled.special_tokens_mask.any()
    assert lm.spell(tok, ids[:1]).text == "" == lm.decode(tok, ids[:1])
    for outside in (151_936, -1):
        for ask in (lm.spell, lm.decode):
            with pytest.raises(lm.InvalidIdError, match=str(outside)):
                ask(tok, [outside])
    with pytest.raises(lm.InvalidIdError, match="151700"):
        lm.spell(plain, ids)
    assert lm.load_tokenizer("smollm2").for_matrix(49_152) is lm.load_tokenizer("smollm2")
