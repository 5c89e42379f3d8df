"""An uploaded tokenizer answers as one in this process does; a hostile one cannot run, hang or fill the memory."""

from __future__ import annotations

import gc
import gzip
import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizers
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import lmloupe as lm
from lmloupe.errors import AnswerTimeoutError, LoadTimeoutError, TokenizerTimeoutError
from lmloupe.loading.isolated import guard
from lmloupe.loading.isolated.backend import GuardedBackend
from lmloupe.loading.isolated.limits import MAX_PROCESSES
from lmloupe.loading.tokenizer_file import describe_kind, load_tokenizer_file
from lmloupe.merges.ancestry import ancestry
from lmloupe.pipeline.pattern import pattern_matches
from lmloupe.processes import pool as pool_module
from lmloupe.tokens.tokenizer import Tokenizer

DATA = Path(lm.__file__).parent / "data"
SLOW = r"(a+)+$"
# Each of these words takes Oniguruma about a tenth of a second, less than what it gives up at.
HANG = ("a" * 20 + "!") * 1000
LIMIT_S = 0.5
SOON_S = 60.0  # without the limit it takes minutes


def added(token_id: int, content: str, *, special: bool = True, normalized: bool = False) -> dict[str, Any]:
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip"), False)
    return {"id": token_id, "content": content, "special": special, "normalized": normalized, **flags}


def file(**parts: Any) -> bytes:
    words = ["[UNK]", "a", "!", "hello", "world", "aa!", "é", "[CLS]"]
    model = {"type": "WordLevel", "vocab": {word: i for i, word in enumerate(words)}, "unk_token": "[UNK]"}
    return json.dumps({"version": "1.0", "model": model} | parts).encode()


def regex(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "pattern": {"Regex": SLOW}, **more}


SPLIT = regex("Split", behavior="Isolated", invert=False)
SPACES = {"type": "Whitespace"}
CLS = {
    "type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
    "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
    "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [7], "tokens": ["[CLS]"]}},
}
WORD_PIECES = ["[UNK]", "[CLS]", "h", "##e", "##l", "##o", "he", "##llo", "a", "##a", "!", "é"]
SCORED = [["<unk>", 0.0], ["▁", -2.0], ["▁he", -2.5], ["l", -3.0], ["lo", -2.0], ["o", -4.0], ["é", -5.0], ["h", -6.0]]
SMALL = {
    "word-level": file(
        added_tokens=[added(7, "[CLS]"), added(8, "<|x|>"), added(9, "Ünïversal", special=False)],
        pre_tokenizer=SPACES,
        post_processor=CLS,
    ),
    "gaps": file(
        model={"type": "WordLevel", "vocab": {"a": 5, "!": 40, "?": 9}, "unk_token": "?"}, pre_tokenizer=SPACES
    ),
    "wordpiece": file(
        model={
            "type": "WordPiece",
            "vocab": {piece: i for i, piece in enumerate(WORD_PIECES)},
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
        },
        added_tokens=[added(0, "[UNK]"), added(1, "[CLS]")],
        normalizer={"type": "Lowercase"},
        pre_tokenizer={"type": "BertPreTokenizer"},
        decoder={"type": "WordPiece", "prefix": "##", "cleanup": True},
    ),
    "unigram": file(
        model={"type": "Unigram", "unk_id": 0, "vocab": SCORED, "byte_fallback": False},
        added_tokens=[added(0, "<unk>")],
        pre_tokenizer={"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
        decoder={"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
        truncation={"direction": "Right", "max_length": 1, "strategy": "LongestFirst", "stride": 0},
    ),
}


@cache
def pair(name: str) -> tuple[Tokenizer, Tokenizer]:
    """The same file opened in its own process, and in this one."""
    packed = SMALL[name] if name in SMALL else (DATA / f"{name}.json.gz").read_bytes()
    if name not in SMALL:
        return load_tokenizer_file(packed, name), lm.load_tokenizer(name)
    backend = tokenizers.Tokenizer.from_str(packed.decode())
    backend.no_truncation()
    return load_tokenizer_file(packed, name), Tokenizer(name, "folder", None, backend, None, None, None)


def process(tok: Tokenizer) -> subprocess.Popen[bytes] | None:
    backend: Any = tok.backend
    assert isinstance(backend, GuardedBackend)
    return backend.guard.process


def hostile(**parts: Any) -> Tokenizer:
    return load_tokenizer_file(file(**parts), "hostile.json", call_limit_s=LIMIT_S)


# The same answers

NAMES = [*lm.embedded_tokenizers(), *SMALL]
each_file = pytest.mark.parametrize("name", NAMES)


@each_file
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
@example("")
@example("hello a! é [CLS] <|x|> Ünïversal 🤚🏽 \x00 <|eot_id|> <s></s> हिन्दी")
def test_encodings_are_those_of_a_tokenizer_in_this_process(name: str, text: str) -> None:
    apart, here = pair(name)
    for add in (False, True):
        for parse in (False, True):
            ours, theirs = lm.encode(apart, text, add, parse), lm.encode(here, text, add, parse)
            assert ours.tokens == theirs.tokens
            assert ours.special_tokens_mask.tolist() == theirs.special_tokens_mask.tolist()
            assert lm.decode(apart, ours.input_ids) == lm.decode(here, theirs.input_ids)
            assert lm.spell(apart, ours.input_ids).text == lm.spell(here, theirs.input_ids).text
    batch = [ours.ids for ours in apart.backend.encode_batch_fast([text, "a", ""])]
    assert batch == [theirs.ids for theirs in here.backend.encode_batch_fast([text, "a", ""])]


@each_file
def test_vocabularies_are_those_of_a_tokenizer_in_this_process(name: str) -> None:
    apart, here = pair(name)
    for with_added in (False, True):
        assert apart.backend.get_vocab(with_added) == here.backend.get_vocab(with_added)
        assert apart.backend.get_vocab_size(with_added) == here.backend.get_vocab_size(with_added)
    assert (apart.vocab_size, apart.special_tokens) == (here.vocab_size, here.special_tokens)
    limit = here.vocab_size + 2
    assert [apart.backend.id_to_token(i) for i in range(limit)] == [here.backend.id_to_token(i) for i in range(limit)]
    ours, theirs = apart.backend.get_added_tokens_decoder(), here.backend.get_added_tokens_decoder()
    assert {i: repr(token) for i, token in ours.items()} == {i: repr(token) for i, token in theirs.items()}
    for i in list(range(0, here.vocab_size, 97))[:500]:
        if here.backend.id_to_token(i) is not None:
            assert apart.token_bytes(i) == here.token_bytes(i)


@pytest.mark.parametrize("name", ["phi-3", "starcoder2"])
def test_the_merges_of_a_token_are_shown(name: str) -> None:
    apart, here = pair(name)
    for token_id in range(1000, 1100):
        ours, theirs = ancestry(apart, token_id), ancestry(here, token_id)
        assert repr(ours) == repr(theirs)


def same(ours: object, theirs: object, own: tuple[object, ...]) -> bool:
    """Equal, field by field and number by number, but for what belongs to one process only."""
    if isinstance(ours, np.ndarray):
        return isinstance(theirs, np.ndarray) and ours.dtype == theirs.dtype and np.array_equal(ours, theirs)
    if isinstance(ours, tuple | list) and isinstance(theirs, tuple | list):
        return len(ours) == len(theirs) and all(same(a, b, own) for a, b in zip(ours, theirs, strict=True))
    if is_dataclass(ours) and type(ours) is type(theirs):
        names = [f.name for f in fields(ours) if f.name not in own]
        return all(same(getattr(ours, name), getattr(theirs, name), own) for name in names)
    return bool(ours == theirs)


@each_file
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
@example("")
@example("Hello a! e\u0301 [CLS] <|x|> Ünïversal 🤚🏽 \x00 <|eot_id|> don't  123 ﬁ <s></s> हिन्दी")
def test_stages_and_merges_are_those_of_a_tokenizer_in_this_process(name: str, text: str) -> None:
    apart, here = pair(name)
    for add, parse in ((True, True), (False, False)):
        ours, theirs = lm.stages(apart, text, add, parse), lm.stages(here, text, add, parse)
        assert same(ours, theirs, ("tokenizer", "component"))
        assert ours.changes() == theirs.changes()
        assert ours.changes(1) == theirs.changes()[:1]
        assert ours.post_processed_ids.tolist() == lm.encode(apart, text, add, parse).input_ids.tolist()
    assert lm.pattern_parts(apart) == lm.pattern_parts(here)
    matches = [pattern_matches(shown) for shown in (ours, theirs)]
    for i in range(min(ours.n_pieces, 2)):
        assert matches[0].part(i) == matches[1].part(i)
    if name in SMALL:
        with pytest.raises(lm.NotAvailableError, match="a replay needs a BPE tokenizer"):
            lm.merge_steps(apart, text)
    else:
        assert same(lm.merge_steps(apart, text), lm.merge_steps(here, text), ("tokenizer",))
        assert lm.merge_steps(apart, text).ids.tolist() == lm.encode(apart, text).input_ids.tolist()


def test_ids_with_gaps() -> None:
    apart, here = pair("gaps")
    assert apart.vocab_size == here.vocab_size == 41
    assert lm.decode(apart, [40, 5]) == "! a"
    with pytest.raises(lm.InvalidIdError, match="Id 6"):
        lm.decode(apart, [6])


def test_normalizer_and_pre_tokenizer_answer() -> None:
    apart, here = pair("wordpiece")
    assert apart.backend.normalizer.normalize_str("HÉ") == here.backend.normalizer.normalize_str("HÉ") == "hé"
    assert apart.backend.pre_tokenizer.pre_tokenize_str("a é!") == here.backend.pre_tokenizer.pre_tokenize_str("a é!")
    assert pair("word-level")[0].backend.normalizer is None


def test_a_file_with_a_byte_order_mark_and_a_packed_one() -> None:
    plain = load_tokenizer_file(SMALL["unigram"], "plain")
    for data in (b"\xef\xbb\xbf" + SMALL["unigram"], gzip.compress(SMALL["unigram"])):
        assert load_tokenizer_file(data, "other").backend.get_vocab() == plain.backend.get_vocab()


@pytest.mark.parametrize(
    ("beside", "expected"),
    [
        ({"tokenizer_config.json": b'{"bos_token": "[CLS]", "eos_token": {"content": "!"}}'}, ("[CLS]", "!", None, {})),
        (
            {"tokenizer_config.json": b'{"eos_token": "!", "chat_template": "A"}', "chat_template.jinja": b"B"},
            (None, "!", "B", {}),
        ),
        (
            {"tokenizer_config.json": b'{"chat_template": [{"name": "default", "template": "D"}, '
            b'{"name": "tool_use", "template": "T"}]}'},
            (None, None, "D", {"default": "D", "tool_use": "T"}),
        ),
    ],
)  # fmt: skip
def test_files_beside_it_say_what_it_does_not(beside: dict[str, bytes], expected: tuple[Any, ...]) -> None:
    tok = load_tokenizer_file(file(), "a.json", beside=beside)
    assert (tok.bos_token, tok.eos_token, tok.chat_template, dict(tok.chat_templates)) == expected


def test_a_file_beside_it_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(lm.LoadError, match="is not valid JSON at line 1"):
        load_tokenizer_file(file(), "a.json", beside={"tokenizer_config.json": b"{"})
    with pytest.raises(lm.UnsupportedError, match=r"chat_template of '.*' must be a text"):
        load_tokenizer_file(file(), "a.json", beside={"tokenizer_config.json": b'{"chat_template": 1}'})


def test_the_kind_and_what_does_not_apply() -> None:
    assert "no merges to replay" in describe_kind(pair("unigram")[0])
    assert describe_kind(pair("wordpiece")[0]).startswith("wordpiece is a WordPiece model")
    assert describe_kind(pair("word-level")[1]).startswith("word-level is a WordLevel model")
    assert describe_kind(pair("smollm2")[0]) == "smollm2 is a BPE model: everything applies to it."
    merges = {"type": "BPE", "vocab": {"a": 0}, "merges": [], "dropout": 0.5}
    said = describe_kind(load_tokenizer_file(file(model=merges), "dropout"))
    assert "everything but the replay of merges applies to it. It drops merges at random (0.5)" in said


@pytest.mark.parametrize(
    "use",
    [
        lambda backend: backend.to_str(),
        lambda backend: backend.post_processor,
        lambda backend: backend.model.tokenize("a"),
        lambda backend: backend.model.__getstate__(),
        lambda backend: backend.pre_tokenizer.__getstate__(),
        lambda backend: backend.pre_tokenizer.pre_tokenize(tokenizers.PreTokenizedString("a")),
    ],
)
def test_rules_of_a_file_never_come_into_this_process(use: Callable[[Any], object]) -> None:
    with pytest.raises(lm.NotAvailableError, match="kept in a process of its own"):
        use(pair("wordpiece")[0].backend)


# Files that hang


HANGING: dict[str, tuple[dict[str, Any], Callable[[Tokenizer, str], object]]] = {
    "pre-tokenizer": ({"pre_tokenizer": SPLIT}, lambda tok, text: lm.encode(tok, text)),
    "pre-tokenizer-alone": (
        {"pre_tokenizer": SPLIT},
        lambda tok, text: tok.backend.pre_tokenizer.pre_tokenize_str(text),
    ),
    "normalizer": ({"normalizer": regex("Replace", content="b")}, lambda tok, text: lm.encode(tok, text)),
    "normalizer-alone": (
        {"normalizer": regex("Replace", content="b")},
        lambda tok, text: tok.backend.normalizer.normalize_str(text),
    ),
    "plain": ({"pre_tokenizer": SPLIT}, lambda tok, text: lm.encode(tok, text, parse_special_tokens=False)),
    "stages": ({"pre_tokenizer": SPLIT}, lambda tok, text: lm.stages(tok, text)),
    "batch": ({"pre_tokenizer": SPLIT}, lambda tok, text: tok.backend.encode_batch_fast([text])),
    "decoder": (
        {
            "decoder": {"type": "Sequence", "decoders": [{"type": "Fuse"}, regex("Replace", content="b")]},
            "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "."}, "behavior": "Isolated", "invert": False},
        },
        lambda tok, text: lm.decode(tok, lm.encode(tok, text).input_ids),
    ),
}


@pytest.mark.parametrize("place", HANGING)
def test_a_pattern_that_backtracks_for_ever_is_stopped(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "_LIBRARY_S", 1.5)
    parts, use = HANGING[place]
    tok = hostile(**parts)
    running = process(tok)
    assert running is not None
    start = time.monotonic()
    with pytest.raises(AnswerTimeoutError, match=r"'hostile.json' did not answer within .* backtrack for ever"):
        use(tok, HANG)
    assert time.monotonic() - start < SOON_S
    assert running.poll() is not None
    assert process(tok) is None
    use(tok, "a!")  # in a new process
    assert process(tok) is not None


def test_the_sentence_names_the_pattern(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "_LIBRARY_S", 1.5)
    with pytest.raises(AnswerTimeoutError, match=r"its pattern '\(a\+\)\+\$' may backtrack"):
        lm.encode(hostile(pre_tokenizer=SPLIT), HANG)


def test_a_file_that_hangs_while_it_is_opened() -> None:
    # The library normalizes added tokens as it reads them.
    data = file(normalizer=regex("Replace", content="b"), added_tokens=[added(99, HANG[:4000], normalized=True)])
    start = time.monotonic()
    with pytest.raises(LoadTimeoutError, match=r"did not open within 0\.5 s"):
        load_tokenizer_file(data, "hostile.json", load_limit_s=LIMIT_S)
    assert time.monotonic() - start < SOON_S


@pytest.mark.parametrize("use", [lm.encode, lm.stages])
def test_the_library_gives_up_and_goes_on(use: Callable[[Tokenizer, str], object]) -> None:
    tok = load_tokenizer_file(file(pre_tokenizer=SPLIT), "hostile.json", call_limit_s=20)
    with pytest.raises(lm.TokenizerFailedError, match=r"gave up on 'hostile.json' .*retry-limit"):
        use(tok, "a" * 60 + "!")
    assert lm.encode(tok, "hello").input_ids.tolist() == [3]


def test_a_word_without_an_id_is_no_end_of_the_process() -> None:
    tok = hostile(model={"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "?"})
    before = process(tok)
    with pytest.raises(lm.TokenizerFailedError, match="got no answer from the tokenizers library"):
        lm.encode(tok, "b")
    assert lm.encode(tok, "a").input_ids.tolist() == [0]
    assert process(tok) is before


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux surely limits the memory of a process")
def test_a_file_that_fills_the_memory() -> None:
    grow = {"type": "Replace", "pattern": {"String": "a"}, "content": "b" * 2_000_000}
    tok = load_tokenizer_file(file(normalizer=grow), "bomb.json", call_limit_s=20)
    with pytest.raises(lm.TokenizerFailedError, match=r"2 GB of memory") as caught:
        tok.backend.normalizer.normalize_str("a" * 3000)
    assert not isinstance(caught.value, TokenizerTimeoutError)
    assert lm.encode(tok, "hello").input_ids.tolist() == [3]


def test_an_answer_too_long() -> None:
    grow = {"type": "Replace", "pattern": {"String": "a"}, "content": "b" * 1_000_000}
    tok = load_tokenizer_file(file(normalizer=grow), "bomb.json", call_limit_s=20)
    with pytest.raises(lm.TokenizerFailedError, match="makes more than 64 MB"):
        tok.backend.normalizer.normalize_str("a" * 80)


# Files that are something else


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"hello", "is not JSON .Expecting value"),
        (b'{"model": ', "is not JSON"),
        (b"[" * 100_000, "nests its brackets deeper"),
        (b'{"model": {"type": "BPE"}, "x": "\xff"}', "is not UTF-8 text: byte 33 is 0xff"),
        (b'\xef\xbb\xbf{"a\x80"', "is not UTF-8 text: byte 6 is 0x80"),
        (gzip.compress(file())[:-20], "is not a whole gzip file"),
        (b"\x1f\x8b nothing of it", "is not a whole gzip file"),
        (gzip.compress(bytes(70 << 20), 1), "unpacks to more than 64 MB"),
    ],
)
def test_what_cannot_be_read(data: bytes, message: str) -> None:
    with pytest.raises(lm.LoadError, match=f"^'x.json' {message}") as caught:
        load_tokenizer_file(data, "x.json")
    assert type(caught.value) is lm.LoadError


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"GGUF\x03\x00\x00\x00", "is a GGUF model file"),
        ((64).to_bytes(8, "little") + b'{"a":{"dtype":"F32"}}', "is a safetensors file"),
        (b"PK\x03\x04rest", "is a ZIP archive"),
        ('{"a": 1}'.encode("utf-16"), "is UTF-16 text"),
        (b"#version: 0.2\na b\n", "is merges.txt"),
        (b'{"tokenizer_class": "X", "bos_token": "<s>"}', "is tokenizer_config.json"),
        (b'{"hello": 0, "world": 1}', "is vocab.json"),
        (b'{"bos_token": "<s>"}', "is special_tokens_map.json"),
        (b'{"architectures": ["X"]}', "is config.json"),
        (b"{}", "is JSON, but no tokenizer.json"),
        (b"[1, 2]", r"is JSON of another shape \(list\)"),
        (file(version="2.0"), "has version '2.0' of the format"),
        (file(model={"type": "Neural", "vocab": {}}), "is not accepted by the tokenizers library"),
        (file(pre_tokenizer=SPLIT | {"pattern": {"Regex": "(a"}}), "is not accepted by the tokenizers library .*Onig"),
        (file(model={"type": "WordLevel", "vocab": {}, "unk_token": "?"}), "has an empty vocabulary"),
        (file(model={"type": "WordLevel", "vocab": {"a": 4294967295}, "unk_token": "a"}), "has the id 4,294,967,295"),
        (file(model={"type": "WordLevel", "vocab": {"a" * 5000: 0}, "unk_token": "a"}), "has a token of 5,000 bytes"),
    ],
)
def test_what_is_something_else(data: bytes, message: str) -> None:
    with pytest.raises(lm.UnsupportedError, match=f"^'x.json' {message}"):
        load_tokenizer_file(data, "x.json")


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    mark = tmp_path / "ran"

    class Runs:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (mark,)

    for data in (pickle.dumps(Runs()), pickle.dumps(Runs(), 0), gzip.compress(pickle.dumps(Runs()))):
        with pytest.raises(lm.LoadError):
            load_tokenizer_file(data, "model.json")
    assert not mark.exists()
    with pytest.raises(lm.UnsupportedError, match="is a Python pickle, which can run code; it was not opened"):
        load_tokenizer_file(pickle.dumps(Runs()), "model.json")


def test_a_large_file_is_refused_before_anything_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*_: object, **__: object) -> None:
        pytest.fail("a process was started")

    monkeypatch.setattr(pool_module, "Child", started)
    with pytest.raises(lm.LoadError, match=r"'large.json' has 200\.0 MB; the limit is 10 MB"):
        load_tokenizer_file(bytes(200 << 20), "large.json")


# Processes


def test_eight_threads_get_their_own_answers_from_few_processes() -> None:
    names = ["word-level", "gaps", "wordpiece", "unigram"] * 2
    toks = [load_tokenizer_file(SMALL[name], name) for name in names]
    texts = ["a!" * n + " hello é" for n in range(20)]

    def work(i: int) -> bool:
        tok, here = toks[i % len(toks)], pair(names[i % len(toks)])[1]
        return all(
            lm.encode(tok, text).input_ids.tolist() == lm.encode(here, text).input_ids.tolist()
            for text in texts[i % 5 :: 5]
        )

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(16)))
    assert 1 <= sum(process(tok) is not None for tok in toks) <= MAX_PROCESSES


def test_threads_share_one_tokenizer() -> None:
    tok, here = load_tokenizer_file(SMALL["unigram"], "shared"), pair("unigram")[1]
    texts = ["hello" * (n % 7) + "é" * (n % 3) for n in range(80)]
    with ThreadPoolExecutor(8) as pool:
        ours = list(pool.map(lambda text: tok.backend.encode(text).ids, texts))
    assert ours == [here.backend.encode(text).ids for text in texts]


def test_one_process_more_ends_the_one_not_used_for_longest() -> None:
    toks = [load_tokenizer_file(SMALL["gaps"], str(i)) for i in range(MAX_PROCESSES)]
    toks[0].backend.encode("a")
    load_tokenizer_file(SMALL["gaps"], "one more").backend.encode("a")
    assert [process(tok) is not None for tok in toks] == [True, False, *[True] * (MAX_PROCESSES - 2)]
    assert toks[1].backend.encode("a").ids == [5]


def test_a_process_that_was_killed_from_outside_starts_again() -> None:
    tok = load_tokenizer_file(SMALL["gaps"], "killed")
    running = process(tok)
    assert running is not None
    running.kill()
    running.wait()
    assert tok.backend.encode("a").ids == [5]


def test_the_process_ends_with_its_tokenizer() -> None:
    tok = load_tokenizer_file(SMALL["gaps"], "dropped")
    assert tok.backend_plain.encode("a").ids == [5]
    running = process(tok)
    assert running is not None
    del tok
    gc.collect()
    assert running.poll() is not None


def test_the_process_ends_with_the_program_and_sees_no_secret(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib; from lmloupe.loading.tokenizer_file import load_tokenizer_file\n"
        "tok = load_tokenizer_file(pathlib.Path(sys.argv[1]).read_bytes(), 'x')\n"
        "process = tok.backend.guard.process\n"
        "environment = pathlib.Path(f'/proc/{process.pid}/environ')\n"
        "assert not environment.exists() or b'hf_secret' not in environment.read_bytes()\n"
        "print(process.pid)\n"
    )
    path = tmp_path / "tokenizer.json"
    path.write_bytes(SMALL["gaps"])
    environment = os.environ | {"PYTHONPATH": str(DATA.parents[1]), "HF_TOKEN": "hf_secret"}
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert not Path(f"/proc/{int(done.stdout)}").exists()
