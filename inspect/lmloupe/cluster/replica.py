"""One engine on a cluster, as it is asked by name. Knows nothing of Ray, so that tests ask it in their own process."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import lmloupe
from lmloupe.cluster.calls import LEASE_S
from lmloupe.cluster.messages import Hello, News, Started
from lmloupe.cluster.questions import question
from lmloupe.cluster.sharing.kept import Kept
from lmloupe.cluster.terms.fingerprint import fingerprint
from lmloupe.errors import ClusterTimeoutError, LoupeError
from lmloupe.model.architecture.results import ModelDescription
from lmloupe.model.engine import Engine
from lmloupe.model.running import Running
from lmloupe.wire.packed import MOST_ANSWERED, MOST_ASKED, Packed, pack, unpack

__all__ = ["MOST_AT_ONCE", "Replica"]

MOST_AT_ONCE = 256
"""Questions that a replica takes at once: several classes that write. Who waits here sees how many are ahead."""

_NEWS_S = 0.25
"""Seconds after which there are news, if only that there are none."""
_TOGETHER_S, _MOST_NEWS = 0.05, 80
"""Results of so many seconds travel together, the first one alone; with many streams of more seconds, so that there are
no more news a second than this in all. A message costs the cores a millisecond and a half that the model then lacks."""


class Replica:
    """Answers the questions about one model, each by its name and packed arguments.

    Every method gives packed answers; an error of the library is an answer too. Whoever asks says which replicas are
    known; where that is not this one, the answer is who this is, and nothing is done. Answers that were asked for are
    kept, and equal questions that run are one.

    Args:
        load: makes the engine; called once, in the replica's own process.
    """

    def __init__(self, load: Callable[[], Engine]) -> None:
        self._engine = load()
        self._threads = ThreadPoolExecutor(MOST_AT_ONCE, "lmloupe-replica")
        self._kept = Kept()
        self._hello = _hello(self._engine)
        self._n_streams = 0
        self._leases: dict[str, float] = {}  # of each front end, when it was heard of last

    async def hello(self) -> Packed:
        """Who answers."""
        return pack(self._hello)

    async def ask(self, name: str, arguments: Packed, known: str) -> Packed:
        """The answer to a question that has one."""
        if known != self._hello.identity:
            return pack(self._hello)
        answered = partial(self._in_a_thread, partial(self._answer, name, arguments))
        return await self._kept.answer(name, arguments, answered)

    def _answer(self, name: str, arguments: Packed) -> Packed:
        try:
            answer = getattr(self._engine, question(name).name)(**unpack(arguments, MOST_ASKED))
            return pack(answer, MOST_ANSWERED)
        except LoupeError as error:
            return pack(error)  # not swallowed: it is raised where the question was asked

    async def renew(self, owner: str) -> None:
        """Hear of a front end: what it follows here goes on for another `lmloupe.cluster.calls.LEASE_S`."""
        if owner in self._leases:
            self._leases[owner] = time.monotonic()

    async def stream(
        self, name: str, arguments: Packed, known: str, skip: int, limit_s: float, owner: str
    ) -> AsyncGenerator[Packed, None]:
        """Work that is followed: `Started`, then `News` until it has ended, or an error. Who cancels it ends it.

        None stands for no news, so that whoever follows knows that somebody is at work.

        Args:
            name: of the question.
            arguments: packed.
            known: which replicas whoever asks knows, `Hello.identity`.
            skip: how many of the first results to leave out: its owner has them.
            limit_s: seconds after which it is stopped.
            owner: of whom `renew` must be heard, or it is stopped.
        """
        if known != self._hello.identity:
            yield pack(self._hello)
            return
        work: list[Running[Any]] = []
        until = time.monotonic() + limit_s
        self._lease(owner)
        self._n_streams += 1
        begun = asyncio.ensure_future(self._in_a_thread(partial(self._begin, name, arguments, work)))
        try:
            yield None
            while not (await asyncio.wait({begun}, timeout=1.0))[0]:
                yield None
            yield begun.result()
            told = 0.0
            while work:
                together_s = min(_NEWS_S, max(_TOGETHER_S, self._n_streams / _MOST_NEWS))
                message, skip, ended = await self._in_a_thread(partial(_news, work[0], skip, told + together_s), work)
                told = time.monotonic()
                yield message
                if ended or self._leases.get(owner, 0.0) + LEASE_S < time.monotonic():
                    return
                if time.monotonic() > until:
                    yield pack(
                        ClusterTimeoutError(f"This took longer than {round(limit_s, 1):,g} s, so it was stopped.")
                    )
                    return
        finally:
            self._n_streams -= 1
            await asyncio.wait({begun})  # what was begun for somebody who has gone meanwhile is ended too
            for running in work:
                running.close()

    def _lease(self, owner: str) -> None:
        now = time.monotonic()
        self._leases = {one: heard for one, heard in self._leases.items() if heard + LEASE_S > now} | {owner: now}

    def _begin(self, name: str, arguments: Packed, work: list[Running[Any]]) -> Packed:
        """Begin, put it into ``work`` and say so; nothing is put there where it ends in an error at once."""
        try:
            running = getattr(self._engine, question(name).name)(**unpack(arguments, MOST_ASKED))
        except LoupeError as error:
            return pack(error)  # not swallowed: as above
        work.append(running)
        return pack(Started(running.input_ids))

    async def _in_a_thread(self, work: Callable[[], Any], closes: Sequence[Running[Any]] = ()) -> Any:
        # Shielded: a thread cannot be stopped, and what it has begun must be known before the owner is let go.
        future = asyncio.get_running_loop().run_in_executor(self._threads, work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            for running in closes:
                running.close()  # so that the thread waits for no more results of it
            await asyncio.wait([future])
            raise


def _hello(engine: Engine) -> Hello:
    """Who answers for a model. Where it runs is no part of what it is: a replica on a GPU is the same model."""
    described: ModelDescription = engine.describe()
    version, print_ = lmloupe.__version__, fingerprint()
    model = (
        described.name,
        described.revision,
        described.architecture,
        described.quantization,
        described.n_layers,
        described.width,
        described.vocab_rows,
        described.n_parameters,
        described.stop_ids,
        described.published_as,
    )
    identity = hashlib.sha256(repr((version, print_, model)).encode()).hexdigest()[:16]
    who = version, os.getpid(), described.name, described.revision, described.vocab_rows, print_, identity
    return Hello(*who, engine.capabilities)


def _news(running: Running[Any], skip: int, until: float) -> tuple[Packed, int, bool]:
    """The results that come until a time (`time.monotonic`), at least one unless a quarter of a second brings none."""
    results: list[Any] = []
    ended, error = False, None
    wait_s = _NEWS_S
    try:
        while (result := running.poll(wait_s)) is not None:
            if skip:
                skip -= 1
            else:
                results.append(result)
            wait_s = max(0.0, until - time.monotonic())
    except StopIteration:
        ended = True
    except LoupeError as found:  # not swallowed: its owner raises it behind the results
        ended, error = True, found
    state = {name: getattr(running, name) for name in ("ahead", "waits", "reused_tokens") if hasattr(running, name)}
    try:
        return pack(News(tuple(results), ended, error, **state), MOST_ANSWERED), skip, ended
    except LoupeError as large:  # not swallowed: as above
        return pack(large), skip, True
