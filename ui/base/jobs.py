"""Long work that sessions share: started once for each question, watched by any number of sessions, one at a time.

A page that needs minutes of model work (five precisions of one model, one pass for each layer) asks for a `Job`. The
work is an iterator of the library: what it yields is kept, the newest is what the pages draw, and closing it stops it.
Jobs run one after another, in the order in which they were asked for: two of them would need the memory of two.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar, cast

import streamlit as st

__all__ = ["Job", "Jobs", "job", "watch"]

T = TypeVar("T")
KEPT = 24
POLL_S = 0.5


class Job(Generic[T]):
    """One piece of work, as its watchers see it.

    Attributes:
        latest: the newest that the work has yielded; None before the first.
        error: what ended it, if an exception did.
        running: its turn has come, and it has not ended.
        ended: it has ended, well, stopped or with an error.
        stopped: somebody stopped it before its end.
        seconds: how long it has run, in all.
    """

    def __init__(self, work: Callable[[], Iterator[T]]) -> None:
        self._work = work
        self._stop = threading.Event()
        self._done = threading.Event()
        self._started = 0.0
        self._took = 0.0
        self.latest: T | None = None
        self.error: Exception | None = None
        self.running = False

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self._done.is_set()

    @property
    def stopped(self) -> bool:
        """Whether somebody has pressed Stop."""
        return self._stop.is_set()

    @property
    def seconds(self) -> float:
        """Seconds since its turn came, or that it took."""
        return self._took or (time.monotonic() - self._started if self.running else 0.0)

    def stop(self) -> None:
        """Let no further step begin; what it has yielded stays."""
        self._stop.set()
        if not self.running:
            self._done.set()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait at most that long; True once it has ended."""
        return self._done.wait(timeout_s)

    def result(self) -> T:
        """The last that it yielded, once it has ended well.

        Raises:
            Exception: what ended it; not for a work that was stopped.
        """
        if self.error is not None:
            raise self.error
        return cast(T, self.latest)

    def run(self) -> None:
        """Do the work; called by `Jobs` alone."""
        self._started, self.running = time.monotonic(), True
        try:
            if self._stop.is_set():
                return
            steps = self._work()
            try:
                for found in steps:
                    self.latest = found
                    if self._stop.is_set():
                        return
            finally:
                close = getattr(steps, "close", None)
                if close is not None:
                    close()
        except Exception as error:  # not swallowed: `result` raises it in every session that watches
            self.error = error
        finally:
            self._took, self.running = time.monotonic() - self._started, False
            self._done.set()


class Jobs:
    """The jobs of this server, newest last, and the thread that runs them in turn."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[Hashable, Job[object]] = OrderedDict()
        self._waiting: deque[Job[object]] = deque()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def job(self, key: Hashable, work: Callable[[], Iterator[T]] | None) -> Job[T] | None:
        """The job with this key; started with ``work`` where there is none, or none but one that failed or stopped.

        Args:
            key: all that its answer depends on.
            work: makes the iterator, in the thread of the jobs; None never starts one.
        """
        with self._lock:
            found = self._jobs.get(key)
            if found is not None and (work is None or not (found.stopped or found.error)):
                self._jobs.move_to_end(key)
                return cast("Job[T]", found)
            if work is None:
                return None
            made: Job[T] = Job(work)
            self._jobs[key] = made  # type: ignore[assignment]
            self._jobs.move_to_end(key)
            for old in [k for k, one in self._jobs.items() if one.ended][: max(0, len(self._jobs) - KEPT)]:
                del self._jobs[old]
            self._waiting.append(made)  # type: ignore[arg-type]
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="lmloupe-jobs", daemon=True)
                self._thread.start()
            return made

    def ahead(self, one: Job[T]) -> int:
        """How many jobs come before this one, the running one included."""
        with self._lock:
            waiting = list(self._waiting)
        running = sum(other.running for other in self._jobs.values() if other is not one)
        return running + (waiting.index(one) if one in waiting else 0)  # type: ignore[arg-type]

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._thread = None
                    return
                one = self._waiting.popleft()
            one.run()


@st.cache_resource(show_spinner=False)
def _jobs() -> Jobs:
    return Jobs()


def job(key: Hashable, work: Callable[[], Iterator[T]] | None = None) -> Job[T] | None:
    """The server's job with this key; see `Jobs.job`."""
    return _jobs().job(key, work)


def watch(one: Job[T], progress: Callable[[T | None], tuple[float, str]]) -> None:
    """Draw how far a job is, with a Stop, and run the page again when it has something new.

    Call it where the progress bar shall stand, after `Job.latest` has been drawn; it draws nothing for an ended job.

    Args:
        one: the job.
        progress: from its newest result (None before the first) the share that is done, 0 to 1, and a sentence.
    """
    if one.ended:
        return
    drawn = one.latest

    @st.fragment(run_every=POLL_S)
    def look() -> None:
        if one.ended or one.latest is not drawn:
            st.rerun()
        share, said = progress(drawn)
        before = 0 if one.running else _jobs().ahead(one)
        if before:
            said = f"Waiting for its turn: {before} before it."
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.progress(min(1.0, max(0.0, share)), said)
            st.button("Stop", icon=":material/stop:", on_click=one.stop, key=f"stop_{id(one)}", width="content")

    look()
