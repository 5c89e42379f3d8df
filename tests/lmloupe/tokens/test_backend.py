"""A tokenizer in this process and one in its own are asked in the same way, and answer the same."""

from __future__ import annotations

import json

import pytest
import tokenizers

import lmloupe as lm
from lmloupe.loading.tokenizer_file import load_tokenizer_file
from lmloupe.pipeline.pattern import pattern_matches
from lmloupe.tokens.backend import LocalRules, Question, Rules, rules_of

TEXT = "Ünïted e\u0301tude, 42 <x> ﬁn"
FILE = json.dumps(
    {
        "version": "1.0",
        "added_tokens": [
            {"id": 9, "content": "<x>", "special": False, "normalized": False}
            | dict.fromkeys(("single_word", "lstrip", "rstrip"), False)
        ],
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Lowercase"}]},
        "pre_tokenizer": {
            "type": "Split",
            "pattern": {"Regex": r"\p{N}|[a-zü]+|\s"},
            "behavior": "Isolated",
            "invert": False,
        },
        "model": {
            "type": "WordPiece",
            "vocab": {piece: i for i, piece in enumerate(["?", "u", "##n", "n", "t", "4", "2", " ", "f"])},
            "unk_token": "?",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
        },
    }
).encode()


@pytest.fixture(scope="module")
def here() -> lm.Tokenizer:
    backend = tokenizers.Tokenizer.from_str(FILE.decode())
    return lm.Tokenizer("here", "file", None, backend, None, None, None)


@pytest.fixture(scope="module")
def apart() -> lm.Tokenizer:
    return load_tokenizer_file(FILE, "apart")


def test_the_backend_stays_what_it_is_and_the_rules_stand_beside_it(here: lm.Tokenizer, apart: lm.Tokenizer) -> None:
    assert type(here.backend) is tokenizers.Tokenizer
    assert isinstance(here.rules, LocalRules)
    assert isinstance(apart.rules, Rules)
    assert rules_of(apart.backend) is apart.backend
    # Tokenizers are made from the backends of others, too.
    again = lm.Tokenizer("again", "file", None, apart.backend, None, None, None)
    assert lm.encode(again, TEXT).input_ids.tolist() == lm.encode(here, TEXT).input_ids.tolist()


def test_both_answer_the_same(here: lm.Tokenizer, apart: lm.Tokenizer) -> None:
    assert here.rules.model_kind == apart.rules.model_kind == "WordPiece"
    for name in ("normalizer", "pre_tokenizer"):
        assert here.rules.part(name)[1] == apart.rules.part(name)[1]
        assert apart.rules.part(name)[0] is None
    ours, theirs = lm.stages(here, TEXT), lm.stages(apart, TEXT)
    assert ours.changes() == theirs.changes() != ()
    assert ours.changes(2) == theirs.changes(2) == ours.changes()[:2]
    parts = [[matches.part(i) for i in range(ours.n_pieces)] for matches in map(pattern_matches, (ours, theirs))]
    assert parts[0] == parts[1]
    assert {part.pattern for part in parts[0] if part is not None} == {r"\p{N}", "[a-zü]+", r"\s"}
    for plain in (True, False):
        found = [lm.encode(tok, TEXT, parse_special_tokens=not plain) for tok in (here, apart)]
        assert found[0].input_ids.tolist() == found[1].input_ids.tolist()
        assert found[0].offsets.tolist() == found[1].offsets.tolist()
        assert (9 in found[0].input_ids) != plain


def test_a_question_that_fails_is_a_bug_and_no_refusal(apart: lm.Tokenizer) -> None:
    wrong: Question[str] = Question("lmloupe.pipeline.stages:_NO_SUCH_QUESTION", str, str.encode, str)
    with pytest.raises(RuntimeError, match=r"has 'apart' open failed with AttributeError.*_NO_SUCH_QUESTION"):
        apart.rules.ask(wrong, apart, TEXT)
    assert lm.stages(apart, TEXT).input_ids.tolist() == lm.encode(apart, TEXT).input_ids.tolist()
