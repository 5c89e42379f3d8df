"""Long work that sessions share: started once for each question, watched by any number of sessions, one at a time.

A page that needs minutes of model work (five precisions of one model, one pass for each layer) asks for a `Job`. The
work is an iterator of the library: what it yields is kept, the newest is what the pages draw, and closing it stops it.
Jobs run one after another, in the order in which they were asked for: two of them would need the memory of two. One
that nobody looks at any more, as of a text that was typed on, gives way to the next.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterator
from typing import Any, Generic, TypeVar, cast

import streamlit as st

from lmloupe.errors import ClusterGoneError, LoupeError
from ui.base import tally
from ui.cluster.presence import when_back

__all__ = ["Job", "Jobs", "job", "server_jobs", "watch"]

T = TypeVar("T")
KEPT = 24
POLL_S = 0.5
FORGOTTEN_S = 20.0
"""After how long without a look a job gives way to others that wait."""
_log = logging.getLogger(__name__)


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
        self.work = work
        self._stop = threading.Event()
        self._done = threading.Event()
        self._started = 0.0
        self._took = 0.0
        self._looked = time.monotonic()
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

    @property
    def forgotten(self) -> bool:
        """Whether nobody has looked at it for a while."""
        return time.monotonic() - self._looked > FORGOTTEN_S

    def look(self) -> None:
        """Say that somebody watches it."""
        self._looked = time.monotonic()

    def stop(self) -> None:
        """Let no further step begin; what it has yielded stays. Nothing happens to one that has ended."""
        if self.ended:
            return
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
            raise self.error.with_traceback(None)  # shared: each raise would add its frames
        return cast(T, self.latest)

    def run(self, gives_way: Callable[[], bool] = lambda: False) -> bool:
        """Do the work; called by `Jobs` alone. False where it gave way, asked after each step, and is to be dropped."""
        self._started, self.running = time.monotonic(), True
        try:
            if self.stopped:
                return True
            steps = self.work()
            try:
                for found in steps:
                    self.latest = found
                    if self.stopped:
                        return True
                    if gives_way():
                        self._stop.set()
                        return False
            finally:
                close = getattr(steps, "close", None)
                if close is not None:
                    close()
        except Exception as error:  # not swallowed: `result` raises it in every session that watches
            if not isinstance(error, LoupeError):
                _log.error("Work in the background failed.", exc_info=error)
            tally.add("errors", type(error).__name__)
            _without_frames(error)
            self.error = error
        finally:
            self._took, self.running = time.monotonic() - self._started, False
            self._done.set()
        return True


def _without_frames(error: BaseException | None) -> None:
    """Let go of the frames of an error that is kept: they hold the models that the work had loaded."""
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


class Jobs:
    """The jobs of this server, newest last, and the thread that runs them in turn."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[Hashable, Job[Any]] = OrderedDict()
        self._waiting: deque[tuple[Hashable, Job[Any]]] = deque()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def job(self, key: Hashable, work: Callable[[], Iterator[T]] | None) -> Job[T] | None:
        """The job with this key, started with ``work`` where there is none.

        One that was stopped or has failed is the answer too, so that it stays so until somebody starts it `again`.

        Args:
            key: all that its answer depends on.
            work: makes the iterator, in the thread of the jobs; None never starts one.
        """
        with self._lock:
            found = self._jobs.get(key)
            if found is None and work is not None:
                found = self._start(key, work)
            if found is not None:
                found.look()
                self._jobs.move_to_end(key)
            return found

    def again(self, one: Job[T]) -> None:
        """Start the work of a job that was stopped or has failed once more, under its key; others are left alone."""
        with self._lock:
            key = next((key for key, held in self._jobs.items() if held is one), None)
            if key is not None and one.ended and (one.stopped or one.error is not None):
                self._start(key, one.work)

    def retry(self, kind: type[Exception]) -> None:
        """Start those that have ended with such an error once more."""
        with self._lock:
            for key, one in list(self._jobs.items()):
                if one.ended and isinstance(one.error, kind):
                    self._start(key, one.work)

    def ahead(self, one: Job[T]) -> int:
        """How many jobs come before this one, the running one included."""
        with self._lock:
            waiting = [held for _, held in self._waiting if not held.ended]
            running = sum(other.running for other in self._jobs.values() if other is not one)
        return running + (waiting.index(one) if one in waiting else 0)

    def unfinished(self) -> tuple[Job[Any], ...]:
        """Those that run or wait for their turn."""
        with self._lock:
            return tuple(one for one in self._jobs.values() if not one.ended)

    def _start(self, key: Hashable, work: Callable[[], Iterator[Any]]) -> Job[Any]:
        made: Job[Any] = Job(work)
        self._jobs[key] = made
        self._jobs.move_to_end(key)
        for old in [k for k, held in self._jobs.items() if held.ended][: max(0, len(self._jobs) - KEPT)]:
            del self._jobs[old]
        self._waiting.append((key, made))
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="lmloupe-jobs", daemon=True)
            self._thread.start()
        return made

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._thread = None
                    return
                key, one = self._waiting.popleft()
                if one.forgotten and not one.ended:
                    one.stop()
                    self._drop(key, one)
            if not one.run(lambda one=one: one.forgotten and bool(self._waiting)):  # type: ignore[misc]
                with self._lock:
                    self._drop(key, one)

    def _drop(self, key: Hashable, one: Job[Any]) -> None:
        """Forget a job that nobody looks at: who asks again starts it anew."""
        if self._jobs.get(key) is one:
            del self._jobs[key]


@st.cache_resource(show_spinner=False)
def server_jobs() -> Jobs:
    """All jobs of this server."""
    return Jobs()


when_back(lambda: server_jobs().retry(ClusterGoneError))


def job(key: Hashable, work: Callable[[], Iterator[T]] | None = None) -> Job[T] | None:
    """The server's job with this key; see `Jobs.job`."""
    return server_jobs().job(key, work)


def _same(found: T | None) -> object:
    return found


def watch(
    one: Job[T], progress: Callable[[T | None], tuple[float, str]], news: Callable[[T | None], object] = _same
) -> None:
    """Draw how far a job is, with a Stop, and run the page again when it has something new.

    Call it where the progress bar shall stand, after `Job.latest` has been drawn. Of a job that was stopped or has
    failed it draws a button that starts it again; of one that ended well nothing. The error is the page's to show, by
    `Job.result`.

    Args:
        one: the job.
        progress: from its newest result (None before the first) the share that is done, 0 to 1, and a sentence.
        news: what of a result the page draws: the page runs again when that is another. The result itself, if left out.
    """
    if one.ended:
        if one.stopped or one.error is not None:
            label = "Go on" if one.error is None else "Try again"
            st.button(
                label, icon=":material/play_arrow:", on_click=server_jobs().again, args=(one,), key=f"again_{id(one)}"
            )
        return
    drawn = news(one.latest)

    @st.fragment(run_every=POLL_S)
    def look() -> None:
        one.look()
        newest = one.latest
        if one.ended or (news(newest) is not drawn and news(newest) != drawn):
            st.rerun()
        share, said = progress(newest)
        before = 0 if one.running else server_jobs().ahead(one)
        if before:
            said = f"Waiting for its turn: {before} before it."
        if one.stopped:
            said = "Stopping after this step …"
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.progress(min(1.0, max(0.0, share)), said)
            st.button(
                "Stop", icon=":material/stop:", on_click=one.stop, key=f"stop_{id(one)}", width="content",
                disabled=one.stopped,
            )  # fmt: skip

    look()
