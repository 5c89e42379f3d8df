"""Replicas in this process, asked as those of a cluster are: what crosses is pickled, and each may be lost at will."""

from __future__ import annotations

import asyncio
import itertools
import pickle
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from lmloupe.cluster.calls import LostError
from lmloupe.cluster.replica import Replica
from lmloupe.errors import ClusterTimeoutError
from lmloupe.wire.packed import Packed


class ReplicaCalls:
    """A way to replicas, one after another in turn.

    Attributes:
        replicas: those that are there.
        lose: called before every message of a replica with its number and that of the message; True loses it.
        asked: every question, with what came of it: name and arguments as they crossed.
    """

    def __init__(self, *replicas: Replica) -> None:
        self.replicas = list(replicas)
        self.lose: Callable[[int], bool] = lambda n_message: False
        self.asked: list[tuple[str, Packed]] = []
        self._turn = itertools.count()

    def _replica(self) -> Replica:
        return self.replicas[next(self._turn) % len(self.replicas)]

    async def ask(self, name: str, arguments: Packed, known: str, limit_s: float) -> Packed:
        replica, crossed = self._replica(), _crossed(arguments)
        self.asked.append((name, crossed))
        if self.lose(0):
            raise LostError("lost")
        try:
            async with asyncio.timeout(limit_s):
                return _crossed(await (replica.hello() if name == "hello" else replica.ask(name, crossed, known)))
        except TimeoutError as error:
            raise ClusterTimeoutError("too slow") from error

    async def ask_all(self, name: str, arguments: Packed, known: str, limit_s: float) -> tuple[Packed, ...]:
        return tuple([await replica.ask(name, arguments, known) for replica in self.replicas])

    async def stream(
        self, name: str, arguments: Packed, known: str, skip: int, limit_s: float
    ) -> AsyncGenerator[Packed, None]:
        crossed = _crossed(arguments)
        self.asked.append((name, crossed))
        stream = self._replica().stream(name, crossed, known, skip, limit_s, "these pages")
        async with aclosing(stream) as messages:
            numbers = itertools.count(1)
            async for message in messages:
                if message is not None and self.lose(next(numbers)):
                    raise LostError("lost")
                yield _crossed(message)


def _crossed(value: Packed) -> Packed:
    return pickle.loads(pickle.dumps(value))  # noqa: S301 - made here
