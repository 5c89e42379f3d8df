"""The embedded tokenizers give the published ids, and their special tokens stay out of plain text."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

import lmloupe
from lmloupe import decode, embedded_tokenizers, encode, load_tokenizer

ROOT = Path(__file__).resolve().parents[3]
DATA = Path(lmloupe.__file__).parent / "data"
VECTORS = json.loads((ROOT / "tests/data/vectors/llama-cpp.json").read_text("utf-8"))
MANIFEST = json.loads((DATA / "manifest.json").read_text("utf-8"))["tokenizers"]
KEYS = embedded_tokenizers()

LLAMA_NAMED = {
    "<|begin_of_text|>": 128000,
    "<|end_of_text|>": 128001,
    "<|reserved_special_token_0|>": 128002,
    "<|reserved_special_token_1|>": 128003,
    "<|finetune_right_pad_id|>": 128004,
    "<|reserved_special_token_2|>": 128005,
    "<|start_header_id|>": 128006,
    "<|end_header_id|>": 128007,
    "<|eom_id|>": 128008,
    "<|eot_id|>": 128009,
    "<|python_tag|>": 128010,
    "<|reserved_special_token_3|>": 128011,
    "<|reserved_special_token_247|>": 128255,
}
PHI3 = {
    "<unk>": 0,
    "<s>": 1,
    "</s>": 2,
    "<|endoftext|>": 32000,
    "<|assistant|>": 32001,
    "<|placeholder1|>": 32002,
    "<|placeholder2|>": 32003,
    "<|placeholder3|>": 32004,
    "<|placeholder4|>": 32005,
    "<|system|>": 32006,
    "<|end|>": 32007,
    "<|placeholder5|>": 32008,
    "<|placeholder6|>": 32009,
    "<|user|>": 32010,
}
SPECIAL = {
    "llama-3.1": (LLAMA_NAMED, 256, 128_256),
    "phi-3": (PHI3, 14, 32_011),
    "qwen2": ({"<|endoftext|>": 151643, "<|im_start|>": 151644, "<|im_end|>": 151645}, 3, 151_646),
    "starcoder2": (
        {
            "<|endoftext|>": 0,
            "<fim_prefix>": 1,
            "<fim_middle>": 2,
            "<fim_suffix>": 3,
            "<fim_pad>": 4,
            "<repo_name>": 5,
            "<file_sep>": 6,
            "<PASSWORD>": 37,
        },
        38,
        49_152,
    ),
    "smollm2": ({"<|endoftext|>": 0, "<|im_start|>": 1, "<|im_end|>": 2, "<empty_output>": 16}, 17, 49_152),
}
ORDINARY = (
    "The coconut fell.",
    " two leading spaces too?  yes",
    "def f(x):\n\treturn x ** 2  # 3.14159\r\n",
    "Привет, 世界! ½ → مرحبا",
    "🦙 family: 👩‍👩‍👧‍👦",
    "NUL \0 and 1234567890",
    "",
)


@pytest.mark.parametrize("number", range(46))
@pytest.mark.parametrize("key", VECTORS["ids"])
def test_ids_equal_the_published_ones(key: str, number: int) -> None:
    encoding = encode(load_tokenizer(key), VECTORS["texts"][number])
    assert encoding.input_ids.tolist() == VECTORS["ids"][key][number]


def test_vectors_cover_four_families_with_46_texts() -> None:
    assert list(VECTORS["ids"]) == ["llama-3.1", "phi-3", "qwen2", "starcoder2"]
    assert len(VECTORS["texts"]) == 46
    assert all(len(ids) == 46 for ids in VECTORS["ids"].values())
    assert [i for i, text in enumerate(VECTORS["texts"]) if not text] == [2]


@pytest.mark.parametrize("key", KEYS)
def test_special_tokens(key: str) -> None:
    named, count, vocab_size = SPECIAL[key]
    tok = load_tokenizer(key)
    assert named.items() <= tok.special_tokens.items()
    assert len(tok.special_tokens) == count
    assert tok.vocab_size == tok.backend.get_vocab_size() == MANIFEST[key]["vocab_size"] == vocab_size
    for content, token_id in tok.special_tokens.items():
        assert encode(tok, content).input_ids.tolist() == [token_id]


def test_llama_reserved_tokens_are_numbered_in_order() -> None:
    specials = load_tokenizer("llama-3.1").special_tokens
    assert sorted(specials.values()) == list(range(128_000, 128_256))
    reserved = [content for content in specials if content.startswith("<|reserved_special_token_")]
    assert reserved == [f"<|reserved_special_token_{n}|>" for n in range(248)]


def test_only_llama_adds_a_token_and_adds_it_once() -> None:
    for key in KEYS:
        tok = load_tokenizer(key)
        plain = encode(tok, "Hi").input_ids.tolist()
        added = [128_000] if key == "llama-3.1" else []
        assert encode(tok, "Hi", add_special_tokens=True).input_ids.tolist() == added + plain


@pytest.mark.parametrize("key", KEYS)
def test_plain_mode_makes_no_special_token_of_any_family(key: str) -> None:
    tok = load_tokenizer(key)
    specials = set(tok.special_tokens.values())
    for content in {content for other in KEYS for content in load_tokenizer(other).special_tokens}:
        for text in (content, f" {content}", content * 2):
            ids = encode(tok, text, parse_special_tokens=False).input_ids.tolist()
            assert not specials & set(ids), (text, ids)


_FRAGMENTS = st.sampled_from(
    [
        "<|",
        "|>",
        "<",
        ">",
        "/",
        "s",
        "</s>",
        "<s>",
        "<unk>",
        "<0x0A>",
        "<|im_end|>",
        "<|eot_id|>",
        "<pr>",
        " ",
        "\n",
        "▁",
    ]
)


@settings(deadline=None, max_examples=60)
@given(st.lists(_FRAGMENTS | st.text(max_size=3), max_size=8).map("".join))
def test_plain_mode_makes_no_special_token_of_any_text(text: str) -> None:
    for key in KEYS:
        tok = load_tokenizer(key)
        encoding = encode(tok, text, parse_special_tokens=False)
        assert not set(tok.special_tokens.values()) & set(encoding.input_ids.tolist())


def test_phi3_spells_byte_tokens_in_plain_text() -> None:
    tok = load_tokenizer("phi-3")
    assert [tok.piece(int(i)) for i in encode(tok, "<0x0A>").input_ids] == ["▁<", "0", "x", "0", "A", ">"]
    assert tok.backend.token_to_id("<0x0A>") == 13


def test_phi3_turn_tokens_take_the_white_space_on_their_right() -> None:
    tok = load_tokenizer("phi-3")
    for content, token_id in PHI3.items():
        strips = content not in ("<unk>", "<s>", "<|endoftext|>")
        ids = encode(tok, f"{content} \n").input_ids.tolist()
        assert (ids == [token_id]) is strips, content


@pytest.mark.parametrize("text", ORDINARY)
@pytest.mark.parametrize("key", KEYS)
def test_decoding_gives_the_text_back(key: str, text: str) -> None:
    tok = load_tokenizer(key)
    assert decode(tok, encode(tok, text).input_ids) == text


@pytest.mark.parametrize("text", [*ORDINARY, *VECTORS["texts"]])
@pytest.mark.parametrize("key", KEYS)
def test_offsets_leave_no_character_out(key: str, text: str) -> None:
    reached = 0
    for start, end in encode(load_tokenizer(key), text).offsets.tolist():
        assert start <= reached
        reached = max(reached, end)
    assert reached == len(text)


def test_smollm2_has_no_piece_for_some_control_characters() -> None:
    # A hole of the published vocabulary: these bytes give no token, so decoding cannot bring them back.
    tok = load_tokenizer("smollm2")
    for char in "\x04\x06\x13\x14\x16\x1d":
        assert encode(tok, f"a{char}").input_ids.tolist() == encode(tok, "a").input_ids.tolist()
    assert len(encode(tok, "\x01")) == 1


@pytest.mark.parametrize("key", KEYS)
def test_manifest_describes_the_file_beside_it(key: str) -> None:
    entry = MANIFEST[key]
    content = gzip.decompress((DATA / entry["file"]).read_bytes())
    assert hashlib.sha256(content).hexdigest() == entry["json_sha256"]
    backend = tokenizers.Tokenizer.from_str(content.decode())
    for token in (entry["bos_token"], entry["eos_token"], entry["end_of_turn"]):
        assert token is None or token in {added.content for added in backend.get_added_tokens_decoder().values()}
    assert (entry["chat_template"] is None) == (key == "starcoder2")


def test_every_data_file_is_in_the_manifest() -> None:
    assert {path.name for path in DATA.glob("*.gz")} == {entry["file"] for entry in MANIFEST.values()}
    assert tuple(MANIFEST) == KEYS


def test_notice_names_every_licence_and_origin() -> None:
    notice = " ".join((ROOT / "NOTICE").read_text("utf-8").split())
    for entry in MANIFEST.values():
        assert entry["file"] in notice
        assert entry["licence"] in notice
        assert f"{entry['origin']['package']} {entry['origin']['version']}" in notice
        for sentence in entry["attribution"].split(". "):
            assert sentence in notice
    assert "Copyright (c) 2023-2026 The ggml authors" in notice


def test_licence_is_the_apache_licence_word_for_word() -> None:
    text = (ROOT / "LICENSE").read_text("utf-8").strip()
    assert text.startswith("Apache License\n                           Version 2.0, January 2004")
    assert "END OF TERMS AND CONDITIONS" in text
    assert text.endswith("limitations under the License.")
