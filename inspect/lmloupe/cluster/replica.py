"""One engine on a cluster, as it is asked by name. Knows nothing of Ray, so that tests ask it in their own process."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import lmloupe
from lmloupe.cluster.fingerprint import fingerprint
from lmloupe.cluster.messages import Hello, News, Started
from lmloupe.cluster.questions import question
from lmloupe.errors import ClusterTimeoutError, LoupeError
from lmloupe.model.architecture.results import ModelDescription
from lmloupe.model.engine import Engine
from lmloupe.model.running import Running
from lmloupe.wire.packed import MOST_ANSWERED, MOST_ASKED, Packed, pack, unpack

__all__ = ["MOST_AT_ONCE", "Replica"]

MOST_AT_ONCE = 72
"""Questions that a replica takes at once: a whole class that writes, and short questions of the same people."""

_NEWS_S = 0.25


class Replica:
    """Answers the questions about one model, each by its name and packed arguments.

    Every method gives packed answers; an error of the library is an answer too.

    Args:
        load: makes the engine; called once, in the replica's own process.
    """

    def __init__(self, load: Callable[[], Engine]) -> None:
        self._engine = load()
        self._threads = ThreadPoolExecutor(MOST_AT_ONCE, "lmloupe-replica")

    async def hello(self) -> Packed:
        """Who answers."""
        described: ModelDescription = self._engine.describe()
        version, print_ = lmloupe.__version__, fingerprint()
        who = version, os.getpid(), described.name, described.revision, described.vocab_rows, print_
        return pack(Hello(*who, self._engine.capabilities))

    async def ask(self, name: str, arguments: Packed) -> Packed:
        """The answer to a question that has one."""
        return await self._in_a_thread(partial(self._answer, name, arguments))

    def _answer(self, name: str, arguments: Packed) -> Packed:
        try:
            answer = getattr(self._engine, question(name).name)(**unpack(arguments, MOST_ASKED))
            return pack(answer, MOST_ANSWERED)
        except LoupeError as error:
            return pack(error)  # not swallowed: it is raised where the question was asked

    async def stream(self, name: str, arguments: Packed, skip: int, limit_s: float) -> AsyncIterator[Packed]:
        """Work that is followed: `Started`, then `News` until it has ended, or an error. Who cancels it ends it.

        Args:
            name: of the question.
            arguments: packed.
            skip: how many of the first results to leave out: its owner has them.
            limit_s: seconds after which it is stopped.
        """
        work: list[Running[Any]] = []
        until = time.monotonic() + limit_s
        try:
            started = await self._in_a_thread(partial(self._begin, name, arguments, work))
            yield started
            while work:
                message, skip, ended = await self._in_a_thread(partial(_news, work[0], skip))
                yield message
                if ended:
                    return
                if time.monotonic() > until:
                    yield pack(ClusterTimeoutError(f"This took longer than {limit_s:,.0f} s, so it was stopped."))
                    return
        finally:
            for running in work:
                running.close()

    def _begin(self, name: str, arguments: Packed, work: list[Running[Any]]) -> Packed:
        """Begin, put it into ``work`` and say so; nothing is put there where it ends in an error at once."""
        try:
            running = getattr(self._engine, question(name).name)(**unpack(arguments, MOST_ASKED))
        except LoupeError as error:
            return pack(error)  # not swallowed: as above
        # Begun even where its owner has gone in the meantime: the `finally` of `stream` finds it here and ends it.
        work.append(running)
        return pack(Started(running.input_ids))

    async def _in_a_thread(self, work: Callable[[], Any]) -> Any:
        # Shielded: a thread cannot be stopped, and what it has begun must be known before the owner is let go.
        future = asyncio.get_running_loop().run_in_executor(self._threads, work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            raise


def _news(running: Running[Any], skip: int) -> tuple[Packed, int, bool]:
    """All results that have come by now, at least one unless a quarter of a second brings none."""
    results: list[Any] = []
    ended, error = False, None
    try:
        for wait_s in itertools.chain([_NEWS_S], itertools.repeat(0.0)):
            result = running.poll(wait_s)
            if result is None:
                break
            if skip:
                skip -= 1
            else:
                results.append(result)
    except StopIteration:
        ended = True
    except LoupeError as found:  # not swallowed: its owner raises it behind the results
        ended, error = True, found
    state = {name: getattr(running, name) for name in ("ahead", "waits", "reused_tokens") if hasattr(running, name)}
    try:
        return pack(News(tuple(results), ended, error, **state), MOST_ANSWERED), skip, ended
    except LoupeError as large:  # not swallowed: as above
        return pack(large), skip, True
