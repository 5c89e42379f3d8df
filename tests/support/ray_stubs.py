"""A replica without a model, for what no model does on demand: to end its process, to go on for ever, to be slow."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

import lmloupe
from lmloupe.cluster import replica
from lmloupe.cluster.deploy import _Deployed
from lmloupe.cluster.ray_calls import application

LEASE_S = 2.0


class _Endless:
    """Work whose results are the number of its process, for ever."""

    def __init__(self, engine: StubEngine) -> None:
        self.input_ids = np.arange(3, dtype=np.int32)
        self._engine, self._closed = engine, False
        self._engine.count(1)

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        time.sleep(0.05)
        return os.getpid()

    def poll(self, timeout_s: float) -> int | None:
        time.sleep(min(timeout_s, 0.05))
        return os.getpid() if timeout_s else None

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._engine.count(-1)


class StubEngine:
    """An engine of which a few questions are there."""

    def __init__(self, rows: int, died: str) -> None:
        self._rows, self._died = rows, Path(died)
        self._lock, self._n = threading.Lock(), 0

    def count(self, n: int) -> None:
        with self._lock:
            self._n += n

    def describe(self) -> Any:
        return SimpleNamespace(
            name="stub",
            revision=None,
            architecture="Stub",
            quantization="none",
            n_layers=1,
            width=1,
            vocab_rows=self._rows,
            n_parameters=1,
            stop_ids=(),
            published_as="",
        )

    @property
    def capabilities(self) -> lmloupe.Capabilities:
        return lmloupe.Capabilities()

    def serving(self) -> lmloupe.Serving:
        return lmloupe.Serving(self._n, 0, 72, batched=True)

    def lens_rows(self, text_or_ids: object, layers: object = None) -> _Endless:
        return _Endless(self)

    def next_token(self, text_or_ids: object) -> int:
        """End the process, as the kernel ends one that needs more memory than there is."""
        time.sleep(1)  # what is lost before a replica has said that it took it, Serve itself asks again
        with self._died.open("a") as died:
            died.write(f"{os.getpid()}\n")
        os._exit(137)

    def score(self, text_or_ids: object) -> int:
        time.sleep(1)
        return os.getpid()

    def embedding_norms(self) -> np.ndarray:
        return np.zeros(1 << 20)


class _Stub(_Deployed):
    def __init__(self, rows: int, died: str, version: str) -> None:
        lmloupe.__version__ = version or lmloupe.__version__
        vars(replica).update(LEASE_S=LEASE_S, MOST_ANSWERED=1 << 20)
        replica.Replica.__init__(self, lambda: cast(lmloupe.Engine, StubEngine(rows, died)))


def serve_stub(died: str, rows: int = 60_000, version: str = "", replicas: int = 1) -> None:
    """Put it on the cluster, in the place of the one that is there."""
    from ray import serve

    serve.start(proxy_location="Disabled")
    deployed: Any = serve.deployment(
        num_replicas=replicas,
        max_ongoing_requests=replica.MOST_AT_ONCE,
        graceful_shutdown_timeout_s=2,
        ray_actor_options={"num_cpus": 0.1},
    )(_Stub)
    serve.run(deployed.bind(rows, died, version), name=application("stub", "none"), route_prefix=None)
