"""The app with its model on a cluster that is a replica in this process: what it serves, and whether it is there."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import lmloupe as lm
from lmloupe.cluster.engine import remote_engine
from lmloupe.cluster.replica import Replica
from lmloupe.cluster.served import ServedModel
from lmloupe.wire.packed import Packed
from tests.support.replicas import ReplicaCalls
from ui.base import loaders
from ui.cluster.address import VARIABLE, cluster_address
from ui.cluster.presence import presence

ADDRESS = "ray://127.0.0.1:6379"


class Cluster(ReplicaCalls):
    """One tiny model on a cluster.

    Attributes:
        there: whether anybody answers.
        served: what it says that it serves.
        n_looked: how often it was asked what it serves.
        n_connected: how often a way to its model was made.
    """

    def __init__(self, folder: Path, engine: Callable[[], lm.Engine]) -> None:
        super().__init__(Replica(engine))
        self.there = True
        self.model = str(folder)
        self.served: tuple[ServedModel, ...] = (ServedModel(self.model, "none", 2),)
        self.n_looked = self.n_connected = 0
        self._tokenizer = lm.load_tokenizer(folder)

    def look(self, _address: str) -> tuple[ServedModel, ...]:
        self.n_looked += 1
        self.require()
        return self.served

    def connect(self, address: str, model: str, quantization: lm.Quantization) -> lm.Engine:
        assert (address, model, quantization) == (ADDRESS, self.model, "none")
        self.n_connected += 1
        return remote_engine(self, self._tokenizer)

    def require(self) -> None:
        if not self.there:
            raise lm.ClusterGoneError(f"No cluster answers at {ADDRESS.removeprefix('ray://')}.")

    async def ask(self, name: str, arguments: Packed, known: str, limit_s: float) -> Packed:
        self.require()
        return await super().ask(name, arguments, known, limit_s)

    async def ask_all(self, name: str, arguments: Packed, known: str, limit_s: float) -> tuple[Packed, ...]:
        self.require()
        return await super().ask_all(name, arguments, known, limit_s)

    def stream(
        self, name: str, arguments: Packed, known: str, skip: int, limit_s: float
    ) -> AsyncGenerator[Packed, None]:
        self.require()
        return super().stream(name, arguments, known, skip, limit_s)

    def questions(self) -> set[str]:
        """Names of what was asked since the last call, who answers left out."""
        found = {name for name, _ in self.asked} - {"hello", "describe"}
        self.asked.clear()
        return found


@contextmanager
def pages_ask(cluster: Cluster) -> Iterator[None]:
    """Have the pages ask this cluster, as with its address in the environment when the server started."""
    cleared: list[Any] = [loaders.engine, loaders.tokenizer, presence, cluster_address]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, ADDRESS)
        patch.setattr("lmloupe.cluster.served.served_models", cluster.look)
        patch.setattr(lm, "connect_engine", cluster.connect)
        for one in cleared:
            (getattr(one, "cache_clear", None) or one.clear)()
        yield
    for one in cleared:
        (getattr(one, "cache_clear", None) or one.clear)()
