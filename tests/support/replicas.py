"""Replicas in this process, asked as those of a cluster are: what crosses is pickled, and each may be lost at will."""

from __future__ import annotations

import asyncio
import itertools
import pickle
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import CancelledError
from typing import Any

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
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """End what is at work, and the loop."""
        self.run(self._finish())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _finish(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _replica(self) -> Replica:
        return self.replicas[next(self._turn) % len(self.replicas)]

    def run(self, work: Coroutine[Any, Any, Any], limit_s: float | None = None) -> Any:
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop).result(limit_s)
        except TimeoutError as error:
            raise ClusterTimeoutError("too slow") from error

    def ask(self, name: str, arguments: Packed, limit_s: float) -> Packed:
        replica, crossed = self._replica(), pickle.loads(pickle.dumps(arguments))  # noqa: S301 - made here
        self.asked.append((name, crossed))
        if self.lose(0):
            raise LostError("lost")
        answer = self.run(replica.hello() if name == "hello" else replica.ask(name, crossed), limit_s)
        return pickle.loads(pickle.dumps(answer))  # noqa: S301 - as above

    def ask_all(self, name: str, arguments: Packed, limit_s: float) -> tuple[Packed, ...]:
        return tuple(self.run(replica.ask(name, arguments), limit_s) for replica in self.replicas)

    def stream(self, name: str, arguments: Packed, skip: int, limit_s: float) -> ReplicaStream:
        crossed = pickle.loads(pickle.dumps(arguments))  # noqa: S301 - as above
        self.asked.append((name, crossed))
        return ReplicaStream(self, self._replica().stream(name, crossed, skip, limit_s))


class ReplicaStream:
    """Messages of a replica in this process."""

    def __init__(self, calls: ReplicaCalls, messages: Any) -> None:
        self._calls, self._messages, self._n = calls, messages, 0
        self._task: asyncio.Task[Any] | None = None

    def __iter__(self) -> Iterator[Packed]:
        return self

    async def _next(self) -> Packed:
        self._task = asyncio.ensure_future(anext(self._messages))
        return await self._task

    def __next__(self) -> Packed:
        self._n += 1
        if self._calls.lose(self._n):
            self._calls.run(self._messages.aclose())
            raise LostError("lost")
        try:
            return pickle.loads(pickle.dumps(self._calls.run(self._next())))  # noqa: S301 - as above
        except (StopAsyncIteration, CancelledError):
            raise StopIteration from None

    def cancel(self) -> None:
        task = self._task
        if task is not None:
            self._calls._loop.call_soon_threadsafe(task.cancel)
