"""The jobs of this server, and the thread that runs them in turn."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterator
from typing import Any, TypeVar

import streamlit as st

from lmloupe.errors import ClusterGoneError
from ui.base.jobs.one import Job
from ui.base.kept.finished import Finished
from ui.cluster.presence import when_back

__all__ = ["KEPT", "Jobs", "job", "server_jobs"]

T = TypeVar("T")
KEPT = 24
ELSEWHERE_S = 0.3
"""Between two looks at a job that another front end computes."""


class Jobs:
    """The jobs of this server, newest last, and the thread that runs them in turn."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[Hashable, Job[Any]] = OrderedDict()
        self._waiting: deque[tuple[Hashable, Job[Any]]] = deque()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def job(
        self, key: Hashable, work: Callable[[], Iterator[T]] | None, kept: Finished[T] | None = None
    ) -> Job[T] | None:
        """The job with this key, started with ``work`` where there is none.

        One that was stopped or has failed is the answer too, so that it stays so until somebody starts it `again`.

        Args:
            key: all that its answer depends on.
            work: makes the iterator, in the thread of the jobs; None never starts one.
            kept: where its result is shared with other front ends: one that has finished there has ended here too.
        """
        with self._lock:
            found = self._jobs.get(key)
        finished = kept.found() if found is None and kept is not None else None
        with self._lock:
            found = self._jobs.get(key)
            if found is None and finished is not None:
                found = self._keep(key, Job(work or (lambda: iter(())), kept))
                found.finish(finished)
            if found is None and work is not None:
                found = self._start(key, Job(work, kept))
            if found is not None:
                self._jobs.move_to_end(key)
        if found is not None:
            found.look()
        return found

    def again(self, one: Job[T]) -> None:
        """Start the work of a job that was stopped or has failed once more, under its key; others are left alone."""
        with self._lock:
            key = next((key for key, held in self._jobs.items() if held is one), None)
            if key is not None and one.ended and (one.stopped or one.error is not None):
                self._start(key, Job(one.work, one.kept))

    def retry(self, kind: type[Exception]) -> None:
        """Start those that have ended with such an error once more."""
        with self._lock:
            for key, one in list(self._jobs.items()):
                if one.ended and isinstance(one.error, kind):
                    self._start(key, Job(one.work, one.kept))

    def ahead(self, one: Job[T]) -> int:
        """How many jobs come before this one, the running one included."""
        with self._lock:
            waiting = [held for _, held in self._waiting if not held.ended and not held.elsewhere]
            running = sum(other.running for other in self._jobs.values() if other is not one)
        return running + (waiting.index(one) if one in waiting else 0)

    def unfinished(self) -> tuple[Job[Any], ...]:
        """Those that run or wait for their turn."""
        with self._lock:
            return tuple(one for one in self._jobs.values() if not one.ended)

    def _keep(self, key: Hashable, made: Job[T]) -> Job[T]:
        self._jobs[key] = made
        self._jobs.move_to_end(key)
        for old in [k for k, held in self._jobs.items() if held.ended][: max(0, len(self._jobs) - KEPT)]:
            del self._jobs[old]
        return made

    def _start(self, key: Hashable, made: Job[T]) -> Job[T]:
        self._waiting.append((key, self._keep(key, made)))
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="lmloupe-jobs", daemon=True)
            self._thread.start()
        return made

    def _run(self) -> None:
        while True:
            with self._lock:
                for key, one in tuple(self._waiting):
                    if one.forgotten and not one.ended:
                        one.stop()
                        self._drop(key, one)
                waiting = tuple(self._waiting)
                if not waiting:
                    self._thread = None
                    return
            # Files are looked at without the lock: pages would wait for it.
            chosen = next((each for each in waiting if each[1].begins()), None)
            if chosen is None:
                time.sleep(ELSEWHERE_S)
                continue
            key, one = chosen
            with self._lock:
                self._waiting.remove(chosen)
            if not one.run(lambda one=one: one.forgotten and self._others_wait()):  # type: ignore[misc]
                with self._lock:
                    self._drop(key, one)

    def _others_wait(self) -> bool:
        return any(not one.elsewhere for _, one in tuple(self._waiting))

    def _drop(self, key: Hashable, one: Job[Any]) -> None:
        """Forget a job that nobody looks at: who asks again starts it anew."""
        if self._jobs.get(key) is one:
            del self._jobs[key]


@st.cache_resource(show_spinner=False)
def server_jobs() -> Jobs:
    """All jobs of this server."""
    return Jobs()


when_back(lambda: server_jobs().retry(ClusterGoneError))


def job(key: Hashable, work: Callable[[], Iterator[T]] | None = None, kept: Finished[T] | None = None) -> Job[T] | None:
    """The server's job with this key; see `Jobs.job`."""
    return server_jobs().job(key, work, kept)
