"""Equal questions of many front ends cost one pass of the model, and what is kept of answers has a bound."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lmloupe as lm
from lmloupe.cluster.engine import remote_engine
from lmloupe.cluster.replica import Replica
from lmloupe.cluster.sharing.kept import Kept, fingerprint_of, n_bytes
from lmloupe.wire.packed import pack
from tests.support.loops import run
from tests.support.replicas import ReplicaCalls


def test_thirty_people_on_three_front_ends_cost_one_pass(
    tiny_model_folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    local: Any = lm.load_engine(tiny_model_folder("llama"), device="cpu")
    passes: list[int] = []
    all_there = threading.Event()

    def count(*_: object) -> None:
        passes.append(1)
        all_there.wait(10)

    local.loaded.model.register_forward_pre_hook(count)
    scored: list[str] = []
    own = local.score
    monkeypatch.setattr(local, "score", lambda **asked: (scored.append(asked["text_or_ids"]), own(**asked))[1])
    calls = ReplicaCalls(Replica(lambda: local))
    front_ends = [remote_engine(calls, local.tokenizer) for _ in range(3)]
    with ThreadPoolExecutor(30) as people:
        asked = [people.submit(front_ends[i % 3].score, "A coconut is not a nut") for i in range(30)]
        while sum(name == "score" for name, _ in calls.asked) < 30:
            time.sleep(0.01)
        all_there.set()
        answers = [one.result(60) for one in asked]
    assert len(passes) == 1
    again = front_ends[0].score("A coconut is not a nut")
    assert (len(passes), len(scored)) == (1, 1)
    for answer in (*answers, again):
        np.testing.assert_array_equal(answer.log_probs, answers[0].log_probs)
    front_ends[1].score("A coconut is a fruit")
    assert len(scored) == 2
    with pytest.raises(lm.LoupeError):
        front_ends[1].attention("A coconut", layer=99)


async def _answers(kept: Kept, sizes: list[int]) -> list[int]:
    made: list[int] = []

    async def work(i: int) -> Any:
        made.append(i)
        return pack(np.zeros(sizes[i], np.uint8))

    for i in (*range(len(sizes)), *reversed(range(len(sizes)))):
        await kept.answer("score", ("tuple", i), lambda i=i: work(i))
        assert kept.n_bytes <= 10_000
    return made


@given(st.lists(st.integers(0, 2000), max_size=12))
def test_the_bytes_of_all_that_is_kept_have_a_bound(sizes: list[int]) -> None:
    kept = Kept(10_000)
    made = run(_answers(kept, sizes))
    # The last ones that fit are there when they are asked for again, the latest first.
    fits, left = 0, 10_000
    for size in reversed(sizes):
        cost = n_bytes(np.zeros(size, np.uint8))
        if cost > 10_000 // 8:
            continue
        left -= cost
        if left < 0:
            break
        fits += 1
    assert len(made) <= 2 * len(sizes) - fits


def test_errors_and_answers_of_the_moment_are_not_kept() -> None:
    made: list[str] = []

    async def work(answer: Any) -> Any:
        made.append("made")
        await asyncio.sleep(0)
        return answer

    async def ask() -> None:
        kept = Kept()
        error = pack(lm.NotAvailableError("not here"))
        for _ in range(2):
            assert await kept.answer("score", (), lambda: work(error)) == error
        for _ in range(2):
            await kept.answer("serving", (), lambda: work(("tuple",)))
        assert (len(made), kept.n_bytes) == (4, 0)
        # Who stops waiting stops nobody else.
        first = asyncio.ensure_future(kept.answer("score", ("tuple", 1), lambda: work("answer")))
        second = asyncio.ensure_future(kept.answer("score", ("tuple", 1), lambda: work("answer")))
        await asyncio.sleep(0)
        first.cancel()
        assert await second == "answer"
        assert len(made) == 5

    run(ask())


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4).map(tuple),
    max_leaves=12,
)


def same(a: Any, b: Any) -> bool:
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and repr(a) == repr(b)


@given(values, values)
def test_only_equal_questions_have_the_same_digest(a: Any, b: Any) -> None:
    assert (fingerprint_of("score", a) == fingerprint_of("score", b)) == same(a, b)


def test_arrays_differ_by_kind_and_shape() -> None:
    zeros = np.zeros(4, np.int32)
    others = [zeros.astype(np.int64), zeros.reshape(2, 2), zeros.view(np.float32), zeros.tobytes(), "0000"]
    assert len({fingerprint_of("score", ("tuple", one)) for one in (zeros, *others)}) == 6
    assert fingerprint_of("score", zeros[::2]) == fingerprint_of("score", np.zeros(2, np.int32))
