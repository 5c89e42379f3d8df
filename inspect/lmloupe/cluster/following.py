"""Work on a cluster as its owner follows it: it goes on elsewhere where a replica is lost, and nothing comes twice."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmloupe.cluster.calls import MOST_LOST, PAUSE_S, STREAM_LIMIT_S, Calls, LostError, Stream
from lmloupe.cluster.messages import News, Started
from lmloupe.cluster.questions import Question
from lmloupe.errors import ClusterGoneError, LoupeError
from lmloupe.model.generation.results import Step
from lmloupe.wire.packed import pack, unpack

__all__ = ["RemoteGeneration", "RemoteRunning", "follow"]

_END = object()


class _Work:
    """One piece of work, followed by a thread of its own; see `RemoteRunning` for its owner's side."""

    def __init__(self, calls: Calls, question: Question, arguments: Mapping[str, Any]) -> None:
        self.results: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()
        self.news = News((), ended=False)
        self.lost = 0  # replicas, in a row
        self._calls, self._question, self._arguments = calls, question, dict(arguments)
        self._until = time.monotonic() + STREAM_LIMIT_S
        self._closed = threading.Event()
        self._stream: Stream | None = None
        self._started, self._taken, self._written = False, 0, list(arguments.get("written", ()))
        self._began, self._before_s = time.perf_counter(), 0.0
        threading.Thread(target=self._run, name="lmloupe-follow", daemon=True).start()

    def close(self) -> None:
        """Have it stop, wherever it is."""
        self._closed.set()
        stream = self._stream
        if stream is not None:
            stream.cancel()

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            while not self._closed.is_set():
                try:
                    self._follow()
                    break
                except LostError as lost:
                    self._again(lost)
        except BaseException as found:  # not swallowed: its owner raises it
            error = None if self._closed.is_set() else found
        self.results.put((_END, error))

    def _again(self, lost: LostError) -> None:
        """Get ready to ask another replica; the person is told where too many in a row are lost."""
        self.lost += 1
        if self.lost > MOST_LOST:
            raise ClusterGoneError(
                f"{self.lost} computers of the cluster in a row were lost over this question: ask whoever runs it."
            ) from lost
        self._closed.wait(PAUSE_S * 2**self.lost)
        self._before_s = time.perf_counter() - self._began

    def _follow(self) -> None:
        arguments, skip = self._asked()
        stream = self._calls.stream(self._question.name, arguments, skip, self._until - time.monotonic())
        self._stream = stream
        try:
            for packed in stream:
                if self._closed.is_set():
                    return
                message = unpack(packed)
                if isinstance(message, LoupeError):
                    raise message
                if isinstance(message, Started):
                    if not self._started:
                        self._started = True
                        self.results.put((message, None))
                    continue
                self._take(message)
                if message.error is not None:
                    raise message.error
                if message.ended:
                    return
            raise LostError("The replica stopped before the work had ended.")
        finally:
            self._stream = None
            stream.cancel()

    def _asked(self) -> tuple[Any, int]:
        """What to ask a replica: a generation goes on from its tokens, all else begins anew and leaves out what came.

        With mirostat a draw depends on all scores before it, so that is begun anew too; the same seed gives the same.
        """
        sampling = self._arguments.get("sampling")
        if self._question.writes and self._taken and (sampling is None or not sampling.applies("mirostat")):
            return pack({**self._arguments, "written": self._written}), 0
        return pack(self._arguments), self._taken

    def _take(self, news: News) -> None:
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


def follow(calls: Calls, question: Question, arguments: Mapping[str, Any]) -> RemoteRunning:
    """Begin work on a cluster.

    Raises:
        LoupeError: as the question says; and ClusterError.
    """
    kind = RemoteGeneration if question.writes else RemoteRunning
    return kind(_Work(calls, question, arguments))
