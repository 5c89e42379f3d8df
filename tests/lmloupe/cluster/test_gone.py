"""A cluster that goes as in a power cut, and comes back on its address: the same engine answers again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import lmloupe as lm
from tests.support.ray_cluster import Cluster, leave, require_ray


def test_a_cluster_that_goes_is_said_and_one_that_comes_back_is_joined_anew(
    request: pytest.FixtureRequest, tiny_model_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    require_ray()
    leave()
    request.addfinalizer(leave)
    folder = tiny_model_folder("qwen2")
    first = Cluster()
    request.addfinalizer(first.kill)
    first.tell(model=str(folder), device="cpu", cpus=0.5)
    remote = lm.connect_engine(first.address, str(folder))
    before = remote.next_token("A coconut").logits
    said: list[BaseException] = []

    def ask() -> None:
        try:
            while True:
                remote.next_token("A hill")
        except lm.LoupeError as error:
            said.append(error)

    def write() -> None:
        try:
            while True:
                list(remote.generate("A hill", max_new_tokens=100, stop_ids=()))
        except lm.LoupeError as error:
            said.append(error)

    asks = [threading.Thread(target=ask) for _ in range(2)]
    asks += [threading.Thread(target=write) for _ in range(2)]
    for thread in asks:
        thread.start()
    processes = first.pids()
    first.kill()
    for thread in asks:  # in bounded time, though Ray's router waits for ever
        thread.join(60)
    assert [type(error) for error in said] == [lm.ClusterGoneError] * 4
    assert all("No cluster answers at" in str(error) and str(error).count("\n") == 0 for error in said)
    assert not any(Path(f"/proc/{pid}").exists() for pid in processes)
    for ask_ in (remote.next_token, remote.generate):
        with pytest.raises(lm.ClusterGoneError, match="No cluster answers at"):
            ask_("A coconut")
    second = Cluster(first.port)
    request.addfinalizer(second.kill)
    with pytest.raises(lm.ClusterGoneError, match="has this model"):
        remote.next_token("A coconut")  # a cluster, which does not serve it yet
    second.tell(model=str(folder), device="cpu", cpus=0.5)
    assert np.array_equal(remote.next_token("A coconut").logits, before)
    assert len(list(remote.generate("A coconut", max_new_tokens=5, stop_ids=()))) == 5
