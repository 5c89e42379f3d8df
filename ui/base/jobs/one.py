"""One piece of long work, as those who watch it see it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar, cast

from lmloupe.errors import LoupeError
from ui.base import tally
from ui.base.kept.finished import Finished

__all__ = ["FORGOTTEN_S", "Job"]

T = TypeVar("T")
FORGOTTEN_S = 20.0
"""After how long without a look a job gives way to others that wait."""
_log = logging.getLogger(__name__)


class Job(Generic[T]):
    """One piece of work, as its watchers see it.

    Attributes:
        latest: the newest that the work has yielded; None before the first.
        error: what ended it, if an exception did.
        running: its turn has come, and it has not ended.
        elsewhere: another front end computes it, and this one waits; ``latest`` is what that one has so far.
        ended: it has ended, well, stopped or with an error.
        stopped: somebody stopped it before its end.
        seconds: how long it has run, in all.
    """

    def __init__(self, work: Callable[[], Iterator[T]], kept: Finished[T] | None = None) -> None:
        self.work = work
        self.kept = kept
        self._stop = threading.Event()
        self._done = threading.Event()
        self._started = 0.0
        self._took = 0.0
        self._looked = time.monotonic()
        self.latest: T | None = None
        self.error: Exception | None = None
        self.running = False
        self.elsewhere = False

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
        """Say that somebody watches it, and see what another front end has of it while it waits."""
        self._looked = time.monotonic()
        if self.running or self.ended or self.kept is None:
            return
        finished = self.kept.found()
        if finished is not None:
            self.finish(finished)
        else:
            self.latest = self.kept.part() or self.latest

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

    def begins(self) -> bool:
        """Whether it can run now, asked by `Jobs` alone; not while another front end computes it."""
        self.elsewhere = not self.ended and self.kept is not None and not self.kept.take()
        return not self.elsewhere

    def finish(self, result: T) -> None:
        """End well with a result that another front end has computed."""
        self.latest, self.elsewhere = result, False
        self._done.set()

    def run(self, gives_way: Callable[[], bool] = lambda: False) -> bool:
        """Do the work; called by `Jobs` alone. False where it gave way, asked after each step, and is to be dropped."""
        self._started, self.running = time.monotonic(), True
        try:
            if self.stopped or self.ended:
                return True
            steps = self.work() if self.kept is None else self.kept.around(self.work)()
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
            if self.kept is not None:
                self.kept.give()
            self._took, self.running = time.monotonic() - self._started, False
            self._done.set()
        return True


def _without_frames(error: BaseException | None) -> None:
    """Let go of the frames of an error that is kept: they hold the models that the work had loaded."""
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
