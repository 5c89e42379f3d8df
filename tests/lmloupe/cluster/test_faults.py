"""Replicas are lost at every moment: the person who asked sees a pause, and gets what would have come."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lmloupe as lm
from lmloupe.cluster import calls as limits
from lmloupe.cluster import engine as asking
from lmloupe.cluster.driver.loop import wait
from lmloupe.cluster.engine import remote_engine
from lmloupe.cluster.messages import Hello
from lmloupe.cluster.replica import Replica
from lmloupe.wire.packed import pack, unpack
from tests.support.questions import CASES, answer, difference
from tests.support.replicas import ReplicaCalls

FOLLOWED = {
    "generate": {},
    "generate, all": {},
    "beam_search": {},
    "with_and_without_cache": {},
    "lens_rows": {},
}


@pytest.fixture(scope="module")
def local(tiny_model_folder: Callable[[str], Path]) -> lm.Engine:
    return lm.load_engine(tiny_model_folder("llama"), device="cpu")


@pytest.fixture
def calls(local: lm.Engine, monkeypatch: pytest.MonkeyPatch) -> ReplicaCalls:
    monkeypatch.setattr("lmloupe.cluster.following.PAUSE_S", 0.001)
    monkeypatch.setattr("lmloupe.cluster.engine.PAUSE_S", 0.001)
    return ReplicaCalls(Replica(lambda: local), Replica(lambda: local))


@pytest.fixture
def remote(calls: ReplicaCalls, local: lm.Engine) -> lm.Engine:
    return remote_engine(calls, local.tokenizer)


def losing(*at: int) -> Callable[[int], bool]:
    """Lose a replica at these messages, counted over all of them."""
    seen = iter(range(1, 1_000_000))
    return lambda n_message: next(seen) in at


@pytest.mark.parametrize("case", FOLLOWED)
@pytest.mark.parametrize("at", [(1,), (2,), (3,), (2, 4, 7), (3, 4, 5)])
def test_what_is_followed_goes_on_elsewhere(
    local: lm.Engine, remote: lm.Engine, calls: ReplicaCalls, case: str, at: tuple[int, ...]
) -> None:
    name, arguments = CASES[case]
    expected = answer(local, name, arguments)
    calls.lose = losing(*at)
    assert difference(answer(remote, name, arguments), expected) == ""


def test_a_generation_goes_on_from_its_tokens_and_its_clock_too(remote: lm.Engine, calls: ReplicaCalls) -> None:
    calls.lose = losing(4)
    steps = list(remote.generate("A coconut", max_new_tokens=60, stop_ids=(), seed=4))
    assert len(steps) == 60
    assert all(a.elapsed_s < b.elapsed_s for a, b in itertools.pairwise(steps))
    asked = [unpack(arguments) for name, arguments in calls.asked if name == "generate"]
    assert len(asked) == 2
    written = asked[1]["written"]
    assert 0 < len(written) < 60
    assert list(written) == [step.token_id for step in steps[: len(written)]]


def test_with_mirostat_it_is_written_again_and_comes_once(
    local: lm.Engine, remote: lm.Engine, calls: ReplicaCalls
) -> None:
    asked: dict[str, Any] = {"sampling": lm.Sampling(mirostat_tau=3), "max_new_tokens": 40, "stop_ids": (), "seed": 2}
    expected = [step.token_id for step in local.generate("A coconut", **asked)]
    calls.lose = losing(3, 6)
    assert [step.token_id for step in remote.generate("A coconut", **asked)] == expected


def test_a_question_is_asked_again(local: lm.Engine, remote: lm.Engine, calls: ReplicaCalls) -> None:
    calls.lose = losing(1, 2, 3)
    assert difference(remote.next_token("A coconut"), local.next_token("A coconut")) == ""


def test_where_all_are_lost_it_is_said(remote: lm.Engine, calls: ReplicaCalls) -> None:
    calls.lose = lambda _: True
    with pytest.raises(lm.ClusterGoneError, match="4 computers of the cluster"):
        remote.next_token("A coconut")
    with pytest.raises(lm.ClusterGoneError, match="4 computers of the cluster"):
        remote.generate("A coconut")
    calls.lose = lambda _: False
    assert len(list(remote.generate("A coconut", max_new_tokens=3, stop_ids=()))) == 3


def test_who_closes_or_forgets_work_stops_the_model(local: lm.Engine, remote: lm.Engine) -> None:
    endless: dict[str, Any] = {"max_new_tokens": 110, "stop_ids": (), "lens": True}
    closed, forgotten = remote.generate("A hill", **endless), remote.generate("A coconut", **endless)
    next(closed), next(forgotten)
    closed.close()
    del forgotten
    until = time.monotonic() + 20
    while local.serving().n_writing and time.monotonic() < until:
        time.sleep(0.01)
    assert local.serving().n_writing == 0


def test_what_takes_too_long_is_stopped(remote: lm.Engine, local: lm.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lmloupe.cluster.following.STREAM_LIMIT_S", 0.0)
    with pytest.raises(lm.ClusterTimeoutError, match="longer than"):
        list(remote.generate("A coconut", max_new_tokens=110, stop_ids=(), lens=True))
    monkeypatch.setattr(asking, "ASK_LIMIT_S", 0.0)
    with pytest.raises(lm.ClusterTimeoutError):
        remote.score("A coconut")
    assert limits.STREAM_LIMIT_S > limits.ASK_LIMIT_S


def test_what_is_too_large_is_not_sent(remote: lm.Engine, calls: ReplicaCalls) -> None:
    before = len(calls.asked)
    with pytest.raises(lm.ClusterSizeError):
        remote.next_token("x" * (17 << 20))
    with pytest.raises(lm.ClusterSizeError):
        remote.generate("x" * (17 << 20))
    assert len(calls.asked) == before


def test_another_version_is_said_at_once(local: lm.Engine, calls: ReplicaCalls) -> None:
    class Old(Replica):
        async def hello(self) -> Any:
            return pack(Hello("0.0.9", 1, "tiny", None, 512, "0" * 16, "an old one", local.capabilities))

    calls.replicas = [Old(lambda: local)]
    with pytest.raises(lm.ClusterVersionError, match=r"has LM Loupe 0\.0\.9 \(0{16}\)"):
        remote_engine(calls, local.tokenizer)


def test_a_replica_answers_questions_only(remote: lm.Engine, calls: ReplicaCalls) -> None:
    for name in ("__init__", "loaded", "input_ids", "tokenizer", "scheduler"):
        found = unpack(wait(calls.ask(name, pack({}), remote._met.known, 20.0)))  # type: ignore[attr-defined]
        assert isinstance(found, lm.InvalidSettingError)
