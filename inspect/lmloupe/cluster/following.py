"""Work on a cluster as its owner follows it: it goes on elsewhere where a replica is lost, and nothing comes twice."""

from __future__ import annotations

import asyncio
import queue
import time
from collections.abc import Iterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmloupe.cluster.calls import MOST_LOST, PAUSE_S, STREAM_LIMIT_S, Calls, LostError, lost_too_often
from lmloupe.cluster.driver.loop import begin
from lmloupe.cluster.messages import Hello, News, Started
from lmloupe.cluster.questions import Question
from lmloupe.cluster.terms.met import MOST_MET, Met, replaced
from lmloupe.errors import ClusterGoneError, LoupeError
from lmloupe.model.generation.results import Step
from lmloupe.wire.packed import pack, unpack

__all__ = ["RemoteGeneration", "RemoteRunning", "follow"]

_END = object()


class _Work:
    """One piece of work, followed on the loop; see `RemoteRunning` for its owner's side."""

    def __init__(self, calls: Calls, question: Question, arguments: Mapping[str, Any], met: Met) -> None:
        self.results: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()
        self.news = News((), ended=False)
        self.lost = 0  # replicas, in a row
        self._calls, self._question, self._arguments, self._met = calls, question, dict(arguments), met
        self._until = time.monotonic() + STREAM_LIMIT_S
        self._known = ""  # of the replica that began it
        self._taken, self._written = 0, list(arguments.get("written", ()))
        self._began, self._before_s = time.perf_counter(), 0.0
        self._asked = pack(self._arguments)  # what may not travel is said here, where it was asked
        self._future = begin(self._run())

    def close(self) -> None:
        """Have it stop, wherever it is. From any thread, and to call twice."""
        self._future.cancel()
        self.results.put((_END, None))  # for whoever waits for the next one in another thread

    async def _run(self) -> None:
        error: BaseException | None = None
        try:
            while not await self._follow():
                await asyncio.sleep(0)
        except Exception as found:  # not swallowed: its owner raises it
            error = found
        finally:
            self.results.put((_END, error))

    async def _follow(self) -> bool:
        """Follow it at one replica; whether it has ended."""
        try:
            return await self._heard()
        except LostError as lost:
            self.lost += 1
            if self.lost > MOST_LOST:
                raise ClusterGoneError(lost_too_often(self.lost)) from lost
        await asyncio.sleep(PAUSE_S * 2**self.lost)
        self._before_s = time.perf_counter() - self._began
        return False

    async def _heard(self) -> bool:
        for _ in range(MOST_MET):
            arguments, skip = self._again()
            known, left_s = self._met.known, self._until - time.monotonic()
            async with aclosing(self._calls.stream(self._question.name, arguments, known, skip, left_s)) as messages:
                async for packed in messages:
                    message = None if packed is None else unpack(packed)
                    if isinstance(message, Hello):
                        self._met.meet(message)
                        break
                    if message is not None and self._take(message, known):
                        return True
                else:
                    raise LostError("The replica stopped before the work had ended.")
        raise replaced()

    def _again(self) -> tuple[Any, int]:
        """What to ask a replica: a generation goes on from its tokens, all else begins anew and leaves out what came.

        With mirostat a draw depends on all scores before it, so that is begun anew too; the same seed gives the same.

        Raises:
            ClusterVersionError: the model that began it is there no more.
        """
        if self._known not in ("", self._met.known):
            raise replaced()
        sampling = self._arguments.get("sampling")
        if self._question.writes and self._taken and (sampling is None or not sampling.applies("mirostat")):
            return pack({**self._arguments, "written": self._written}), 0
        return self._asked, self._taken

    def _take(self, message: Any, known: str) -> bool:
        """Hand on what came; whether it was the end."""
        if isinstance(message, LoupeError):
            raise message
        if isinstance(message, Started):
            if not self._known:
                self._known = known
                self.results.put((message, None))
            return False
        news: News = message
        for result in news.results:
            self._taken += 1
            self.lost = 0
            if isinstance(result, Step) and self._question.writes:
                self._written.append(result.token_id)
                if self._before_s:  # of the first replica to the pause, and the pause
                    result = replace(result, elapsed_s=result.elapsed_s + self._before_s)
            self.results.put((result, None))
        reused = self.news.reused_tokens or news.reused_tokens
        self.news = replace(news, results=(), reused_tokens=reused)
        if news.error is not None:
            raise news.error
        return news.ended


class RemoteRunning:
    """Work on a cluster over a text, as `lmloupe.model.running.Running` says.

    Attributes:
        input_ids: int32 (n,), the text as the model reads it.
    """

    def __init__(self, work: _Work) -> None:
        self._work, self._ended = work, False
        first = self._next(None)  # what a question refuses, it refuses at once
        self.input_ids: NDArray[np.int32] = first.input_ids

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return self._next(None)

    def poll(self, timeout_s: float) -> Any | None:
        """The next result, or None after ``timeout_s`` seconds; StopIteration at the end."""
        return self._next(timeout_s)

    def _next(self, timeout_s: float | None) -> Any:
        if self._ended:
            raise StopIteration
        try:
            result, error = self._work.results.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if result is not _END:
            return result
        self._ended = True
        if error is not None:
            raise error
        raise StopIteration

    def close(self) -> None:
        """Stop after the step at hand."""
        self._ended = True
        self._work.close()

    def __del__(self) -> None:
        work = getattr(self, "_work", None)
        if work is not None:
            work.close()  # nobody reads any more: the model need not go on


class RemoteGeneration(RemoteRunning):
    """A generation on a cluster, as `lmloupe.model.generation.results.Generation` says."""

    @property
    def ahead(self) -> int:
        """How many others wait before this one at its replica, at most a quarter of a second ago."""
        return self._work.news.ahead

    @property
    def waits(self) -> bool:
        """Whether its turn has not come yet, at most a quarter of a second ago."""
        return self._work.news.waits

    @property
    def reused_tokens(self) -> int:
        """Tokens of the prompt that were not read again, by the first replica that wrote."""
        return self._work.news.reused_tokens


def follow(calls: Calls, question: Question, arguments: Mapping[str, Any], met: Met) -> RemoteRunning:
    """Begin work on a cluster.

    Raises:
        LoupeError: as the question says; and ClusterError.
    """
    kind = RemoteGeneration if question.writes else RemoteRunning
    return kind(_Work(calls, question, arguments, met))
