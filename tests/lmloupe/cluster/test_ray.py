"""A real cluster with two replicas, one of which is killed while both are at work: nothing is lost."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lmloupe as lm
from lmloupe.cluster.driver.loop import wait
from lmloupe.wire.packed import unpack
from tests.support.ray_cluster import leave, require_ray, served_engine, shared


def pids(remote: Any, n: int, patience_s: float = 60) -> set[int]:
    """Processes of the replicas, once there are so many."""
    found: set[int] = set()
    until = time.monotonic() + patience_s
    while len(found) < n and time.monotonic() < until:
        found.add(unpack(wait(remote._calls.ask("hello", None, "", 30.0))).pid)
    return found


def test_a_replica_is_killed_during_questions_and_generations(
    request: pytest.FixtureRequest, tiny_model_folder: Callable[[str], Path]
) -> None:
    folder = tiny_model_folder("qwen2")
    local = lm.load_engine(folder, device="cpu")
    remote = served_engine(request, folder, replicas=2)
    before = pids(remote, 2)
    assert len(before) == 2
    asked = [{"max_new_tokens": 100, "stop_ids": (), "seed": seed} for seed in range(8)]
    expected = [[step.token_id for step in local.generate("A coconut", **one)] for one in asked]  # type: ignore[arg-type]
    scores = local.next_token("A coconut").logits
    written: dict[int, list[int]] = {}
    answers: list[np.ndarray] = []
    errors: list[BaseException] = []
    ended = threading.Event()

    def write(number: int) -> None:
        try:
            steps = remote.generate("A coconut", **asked[number])  # type: ignore[arg-type]
            written[number] = []
            for step in steps:
                written[number].append(step.token_id)
        except BaseException as error:
            errors.append(error)

    def ask() -> None:
        try:
            while not ended.is_set():
                answers.append(remote.next_token("A coconut").logits)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(len(asked))]
    asking = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads + asking:
        thread.start()
    until = time.monotonic() + 60
    while time.monotonic() < until and not (len(written) == len(asked) and all(written.values())):
        time.sleep(0.001)
    n_before = sum(map(len, written.values()))
    os.kill(before.pop(), signal.SIGKILL)
    for thread in threads:
        thread.join(120)
    ended.set()
    for thread in asking:
        thread.join(60)
    assert errors == []
    assert n_before < sum(map(len, expected))  # some of it was still to come
    assert [written[number] for number in range(len(asked))] == expected
    assert all(np.allclose(found, scores, 1e-4, 1e-4) for found in answers)
    assert len(pids(remote, 2)) == 2  # Ray puts another one in its place


def test_no_such_model_is_said(request: pytest.FixtureRequest) -> None:
    with pytest.raises(lm.ClusterGoneError, match="has this model"):
        lm.connect_engine(shared(request).address, "smollm2-135m-instruct", "nf4")


def test_no_cluster_is_said_at_once() -> None:
    require_ray()
    leave()  # whoever has joined one stays with it
    for address in ("ray://127.0.0.1:9", "127.0.0.1:9", "nonsense", "ray://nonsense:99999999"):
        with pytest.raises(lm.ClusterGoneError, match="No cluster answers at"):
            lm.connect_engine(address)
