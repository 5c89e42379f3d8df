"""What is kept for each tokenizer: made once, and never waited for by those who ask for another."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import lmloupe as lm
from lmloupe.tokens.per_tokenizer import PerTokenizer

WAIT_S = 30.0


def test_a_kept_value_does_not_wait_for_another_that_is_being_made() -> None:
    quick, slow = lm.load_tokenizer("qwen2"), lm.load_tokenizer("phi-3")
    begun, may_end = threading.Event(), threading.Event()

    def build(tok: lm.Tokenizer) -> str:
        if tok is slow:
            begun.set()
            assert may_end.wait(WAIT_S)
        return tok.name

    kept = PerTokenizer(build)
    assert kept(quick) == "qwen2"
    with ThreadPoolExecutor(3) as pool:
        waiting = pool.submit(kept, slow)
        assert begun.wait(WAIT_S)
        try:
            assert pool.submit(kept, quick).result(WAIT_S) == "qwen2"
            # One that is not kept yet does not wait either.
            assert pool.submit(kept, lm.load_tokenizer("smollm2")).result(WAIT_S) == "smollm2"
            assert not waiting.done()
        finally:
            may_end.set()
        assert waiting.result(WAIT_S) == "phi-3"


def test_many_threads_make_it_once() -> None:
    tok, calls, may_end = lm.load_tokenizer("qwen2"), list[str](), threading.Event()

    def build(made_for: lm.Tokenizer) -> object:
        calls.append(made_for.name)
        assert may_end.wait(WAIT_S)
        return object()

    kept = PerTokenizer(build)
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(kept, tok) for _ in range(8)]
        may_end.set()
        assert len({id(one.result(WAIT_S)) for one in asked}) == 1
    assert calls == ["qwen2"]


def test_one_that_fails_is_tried_again_and_the_oldest_goes() -> None:
    calls = list[str]()

    def build(tok: lm.Tokenizer) -> int:
        calls.append(tok.name)
        if len(calls) == 1:
            raise lm.UnsupportedError("not yet")
        return len(calls)

    kept = PerTokenizer(build, size=2)
    names = ["qwen2", "phi-3", "smollm2"]
    first, second, third = map(lm.load_tokenizer, names)
    with pytest.raises(lm.UnsupportedError, match="not yet"):
        kept(first)
    assert [kept(tok) for tok in (first, second, first, third, first, second)] == [2, 3, 2, 4, 2, 5]
    assert calls == ["qwen2", "qwen2", "phi-3", "smollm2", "phi-3"]
