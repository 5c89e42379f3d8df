"""Replicas come with the questions and go again, on a real cluster; a stream counts for as long as it runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lmloupe as lm
from lmloupe.cluster.ray_calls import application
from tests.support.ray_cluster import shared

PATIENCE_S = 120


def n_running(name: str) -> int:
    from ray import serve

    (deployment,) = serve.status().applications[name].deployments.values()
    return deployment.replica_states.get("RUNNING", 0)


def wait_for(number: int, name: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while n_running(name) != number:
        assert time.monotonic() < until, f"{n_running(name)} replicas after {PATIENCE_S} s, not {number}"
        time.sleep(0.2)


def test_a_second_replica_comes_under_load_and_goes_again(
    request: pytest.FixtureRequest, tiny_model_folder: Callable[[str], Path]
) -> None:
    folder = str(tiny_model_folder("llama"))
    cluster = shared(request)
    short = {"target": 2.0, "over_s": 10.1, "up_s": 0.5, "down_s": 1.0}
    cluster.tell(model=folder, quantization="none", device="cpu", least=1, most=2, cpus=0.2, scaling=short)
    remote, name = lm.connect_engine(cluster.address, folder), application(folder, "none")
    assert n_running(name) == 1
    ended = threading.Event()
    errors: list[BaseException] = []
    written: list[int] = []

    def write(number: int) -> None:
        try:
            while not ended.is_set():
                steps: Any = remote.generate(f"{number} " * 10, max_new_tokens=60, stop_ids=(), seed=number)
                written.append(sum(1 for _ in steps))
        except BaseException as error:
            errors.append(error)

    people = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for one in people:
        one.start()
    wait_for(2, name)
    ended.set()
    for one in people:
        one.join(60)
    wait_for(1, name)
    assert errors == []
    assert set(written) == {60}  # none was cut off by a replica that came or went
