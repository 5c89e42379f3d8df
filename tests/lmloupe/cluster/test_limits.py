"""A real cluster whose replicas end, freeze, are slow or asked for too much; and front ends that end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import lmloupe as lm
from lmloupe.cluster import engine as asking
from lmloupe.cluster import ray_calls
from lmloupe.cluster.driver.loop import wait
from lmloupe.cluster.engine import remote_engine
from lmloupe.cluster.ray_calls import RayCalls, application
from lmloupe.wire.packed import MOST_ASKED, pack, unpack
from tests.support.ray_cluster import ENVIRONMENT, ROOT, Cluster, leave, shared
from tests.support.ray_stubs import LEASE_S

DRIVER = """
import os, sys, time
import lmloupe as lm
from lmloupe.cluster import ray_calls
from lmloupe.cluster.engine import remote_engine

ray_calls.LEASE_S = {lease}
engine = remote_engine(ray_calls.RayCalls({address!r}, "lmloupe:stub:none"), lm.load_tokenizer("smollm2"))
held = [engine.lens_rows("a hill") for _ in range(3)]
print("HELD", *(next(one) for one in held), flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def cluster(request: pytest.FixtureRequest) -> Cluster:
    return shared(request)


@pytest.fixture(scope="module")
def died(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where replicas write who ended; two of them are there."""
    path = tmp_path_factory.mktemp("stub") / "died"
    path.touch()
    cluster.tell(died=str(path), replicas=2)
    return path


@pytest.fixture
def remote(cluster: Cluster, died: Path, monkeypatch: pytest.MonkeyPatch) -> lm.Engine:
    monkeypatch.setattr(ray_calls, "LEASE_S", LEASE_S)
    return remote_engine(RayCalls(cluster.address, application("stub", "none")), lm.load_tokenizer("smollm2"))


def eventually(found: Callable[[], bool], patience_s: float = 60) -> bool:
    """Whether it becomes so."""
    until = time.monotonic() + patience_s
    while not found():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def n_writing(remote: lm.Engine) -> int:
    """Streams of all replicas, asked now."""
    held: Any = remote
    answers = wait(held._calls.ask_all("serving", pack({}), held._met.known, 30.0))
    return sum(unpack(answer).n_writing for answer in answers)


def test_what_is_closed_or_forgotten_frees_its_replica(remote: lm.Engine) -> None:
    held = [remote.lens_rows("a hill") for _ in range(4)]
    assert all(next(one) for one in held)
    assert n_writing(remote) == 4
    held.pop().close()
    assert eventually(lambda: n_writing(remote) == 3)
    held.clear()
    assert eventually(lambda: n_writing(remote) == 0)


def test_many_streams_take_no_thread_each(remote: lm.Engine) -> None:
    next(remote.lens_rows("a hill"))
    before = threading.active_count()
    held = [remote.lens_rows("a hill") for _ in range(100)]
    assert all(next(one) for one in held)
    assert threading.active_count() - before < 10
    held.clear()
    assert eventually(lambda: n_writing(remote) == 0)


def test_it_can_be_asked_where_an_event_loop_runs_as_in_a_notebook(remote: lm.Engine) -> None:
    async def cell() -> tuple[int, int]:
        with closing(remote.lens_rows("a hill")) as stream:
            return next(stream), remote.score("a hill")  # type: ignore[return-value]

    with ThreadPoolExecutor(1) as threads:  # this thread may have a loop of Playwright's
        stream, score = threads.submit(asyncio.run, cell()).result()
    assert stream > 0
    assert score > 0


def test_a_front_end_that_was_killed_leaves_nothing_running(remote: lm.Engine, cluster: Cluster) -> None:
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER.format(lease=LEASE_S, address=cluster.address)],
        cwd=ROOT,
        env=os.environ | ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert driver.stdout is not None
    try:
        assert any(line.startswith("HELD") for line in driver.stdout)
        own = remote.lens_rows("a hill")
        next(own)
        assert n_writing(remote) == 4
        time.sleep(2 * LEASE_S)  # who is alive keeps its own for longer than a lease
        assert n_writing(remote) == 4
    finally:
        driver.kill()
        driver.wait()
        driver.stdout.close()
    assert eventually(lambda: n_writing(remote) == 1, 15 * LEASE_S)
    assert own.poll(5)
    own.close()


def test_a_replica_that_is_frozen_is_left_for_another(remote: lm.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_calls, "SILENCE_S", 2.0)
    stream = remote.lens_rows("a hill")
    frozen = next(stream)
    os.kill(frozen, signal.SIGSTOP)
    try:
        assert eventually(lambda: stream.poll(1.0) not in (None, frozen))
    finally:
        os.kill(frozen, signal.SIGCONT)
    stream.close()


def test_where_no_replica_answers_it_is_said(remote: lm.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    streams = [remote.lens_rows("a hill") for _ in range(8)]
    replicas = {next(one) for one in streams}
    assert len(replicas) == 2
    monkeypatch.setattr(asking, "ASK_LIMIT_S", 1.0)
    monkeypatch.setattr(ray_calls, "ASK_LIMIT_S", 1.0)
    for pid in replicas:
        os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(lm.ClusterTimeoutError, match="did not answer within"):
            remote.score("a quiet hill")
        with pytest.raises(lm.ClusterTimeoutError, match="did not answer within 1 s"):
            remote.lens_rows("a quiet hill")
    finally:
        for pid in replicas:
            os.kill(pid, signal.SIGCONT)
    streams.clear()
    assert eventually(lambda: n_writing(remote) == 0)


def test_a_question_that_ends_its_replica_is_not_asked_for_ever(
    remote: lm.Engine, died: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "MOST_LOST", 1)
    with pytest.raises(lm.ClusterGoneError, match=r"^2 computers .* ended over this question, .* more memory"):
        remote.next_token("a hill")
    assert len(died.read_text().split()) == 2  # each time one: nobody asks a dead replica again
    assert next(remote.lens_rows("a hill"))  # Ray puts others in their place


def test_a_question_has_a_time_limit_and_so_has_what_is_followed(
    remote: lm.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(asking, "ASK_LIMIT_S", 0.5)
        with pytest.raises(lm.ClusterTimeoutError, match=r"did not answer within 0\.\d+ s: ask again"):
            remote.score("a slow hill")
    monkeypatch.setattr("lmloupe.cluster.following.STREAM_LIMIT_S", 1.0)
    with pytest.raises(lm.ClusterTimeoutError, match=r"took longer than \d"):
        list(remote.lens_rows("a hill"))
    assert eventually(lambda: n_writing(remote) == 0)


def test_a_question_and_an_answer_have_a_size_limit_on_the_cluster_too(remote: lm.Engine) -> None:
    with pytest.raises(lm.ClusterSizeError, match="more than the 1 MB"):
        remote.embedding_norms()
    held: Any = remote
    large = pack({"text_or_ids": "x" * (MOST_ASKED + 1)}, 2 * MOST_ASKED)  # as a front end without our limits
    answer = unpack(wait(held._calls.ask("score", large, held._met.known, 30.0)))
    assert isinstance(answer, lm.ClusterSizeError)

    async def followed() -> list[Any]:
        stream = held._calls.stream("lens_rows", large, held._met.known, 0, 30.0)
        return [unpack(one) async for one in stream if one is not None]

    (refused,) = wait(followed())
    assert isinstance(refused, lm.ClusterSizeError)
    assert next(remote.lens_rows("a hill"))  # both replicas are there


def test_a_model_that_is_replaced_is_met_anew_and_another_version_is_said(
    remote: lm.Engine, cluster: Cluster, died: Path
) -> None:
    assert remote.tokenizer.matrix_rows == 60_000
    held = remote.lens_rows("a hill")
    next(held)
    cluster.tell(died=str(died), rows=70_000)
    next(remote.lens_rows("a hill"))
    assert remote.tokenizer.matrix_rows == 70_000
    with pytest.raises(lm.ClusterVersionError, match="replaced by another one meanwhile"):
        list(held)
    cluster.tell(died=str(died), version="0.0.9")
    for ask in (remote.score, lambda text: remote.lens_rows(text)):
        with pytest.raises(lm.ClusterVersionError, match=r"The cluster has LM Loupe 0\.0\.9 .* install the same"):
            ask("a hill")


@pytest.mark.parametrize(("what", "said"), [("ray_version", "Ray: 2.59.0"), ("python_version", "Python: 2.59.0")])
def test_another_version_of_ray_or_of_python_is_said(cluster: Cluster, recorded: Any, what: str, said: str) -> None:
    recorded(what, "2.59.0")
    with pytest.raises(lm.ClusterVersionError, match=rf"has .*{said}.* install the same on both\.$"):
        lm.connect_engine(cluster.address)


@pytest.fixture
def recorded(cluster: Cluster) -> Iterator[Callable[[str, str], None]]:
    """Have the cluster say that it is of another version, in what it has recorded of itself when it was started."""
    from ray._common.usage import usage_constants
    from ray._raylet import GcsClient

    leave()
    client = GcsClient(address=cluster.address.removeprefix("ray://"))
    place = {"namespace": b"cluster"}
    key = usage_constants.CLUSTER_METADATA_KEY
    before = client.internal_kv_get(key, **place)

    def record(what: str, value: str) -> None:
        client.internal_kv_put(key, json.dumps(json.loads(before) | {what: value}).encode(), True, **place)

    yield record
    client.internal_kv_put(key, before, True, **place)
