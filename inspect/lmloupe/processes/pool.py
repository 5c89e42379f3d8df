"""Warm processes of one module: at most so many at once, kept for the next question and ended when nobody asks."""

from __future__ import annotations

import atexit
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from lmloupe.processes.child import Child

__all__ = ["AllBusyError", "Pool"]

WAIT_FOR_TURN_S = 30.0


class AllBusyError(Exception):
    """Every place has been taken for as long as anybody waits."""


class Pool:
    """Processes of one module, each leased to one thread at a time.

    A process may be made ready for one owner, such as a tokenizer file that it has open: ``Child.holds`` says for
    which, and no other owner ever gets it. One that is ready for nobody in particular goes to whoever comes.

    Args:
        module: the module of lmloupe that the processes run.
        most: how many may run at once, idle ones included. The one not used for longest is ended for one more.
        idle_s: end idle processes when nobody has asked for so many seconds; None keeps them as long as the program.
        wait_s: how long to wait for a place.
        writes: whether the processes may write temporary files; see `lmloupe.processes.child.Child`.
    """

    def __init__(
        self,
        module: str,
        most: int,
        *,
        idle_s: float | None = None,
        wait_s: float = WAIT_FOR_TURN_S,
        writes: bool = False,
    ) -> None:
        self.most = most
        self._wait_s = wait_s
        self._writes = writes
        self._module = module
        self._idle_s = idle_s
        self._free = threading.BoundedSemaphore(most)
        self._lock = threading.Lock()
        self._idle: OrderedDict[Child, None] = OrderedDict()
        self._busy: set[Child] = set()
        self._places_taken = 0
        self._timer: threading.Timer | None = None
        atexit.register(self.end_idle)

    @contextmanager
    def lease(self, owner: object = None) -> Iterator[Child]:
        """A process for the block: the one that is ready for ``owner`` where it still runs, else one ready for nobody.

        Raises:
            AllBusyError: no place became free in time.
            OSError: the system gives no process.
        """
        if not self._free.acquire(timeout=self._wait_s):
            raise AllBusyError
        child: Child | None = None
        try:
            with self._lock:
                self._places_taken += 1
                self._stop_timer()
                child = self._take(owner)
                # Within the lock: whoever comes for its own process must find it ended, not about to be.
                self._end_surplus()
            if child is None:
                child = Child(self._module, writes=self._writes)
            with self._lock:
                self._busy.add(child)
            yield child
        finally:
            with self._lock:
                self._places_taken -= 1
                if child is not None:
                    self._busy.discard(child)
                    if child.is_alive:
                        self._idle[child] = None
                    else:
                        child.end()  # its pipes are still open
                self._start_timer()
            self._free.release()

    def find(self, owner: object) -> Child | None:
        """The living process that is ready for ``owner``, busy or idle; None where there is none."""
        return next((c for c in (*self._busy, *self._idle) if c.holds is owner and c.is_alive), None)

    def end(self, owner: object) -> None:
        """End the process of an owner that is gone.

        Takes no lock: the garbage collector may call this in a thread that holds it. The next lease forgets the
        process.
        """
        child = self.find(owner)
        if child is not None:
            child.end()

    def end_idle(self) -> None:
        """End every process that nobody uses."""
        with self._lock:
            self._stop_timer()
            while self._idle:
                self._idle.popitem()[0].end()

    def _take(self, owner: object) -> Child | None:
        for child in [child for child in self._idle if not child.is_alive]:
            del self._idle[child]
            child.end()
        found = next((child for child in self._idle if child.holds is owner), None)
        if found is not None:
            del self._idle[found]
        return found

    def _end_surplus(self) -> None:
        for _ in range(len(self._idle) + self._places_taken - self.most):
            self._idle.popitem(last=False)[0].end()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start_timer(self) -> None:
        if self._idle_s is not None and self._idle and not self._places_taken:
            self._timer = threading.Timer(self._idle_s, self.end_idle)
            self._timer.daemon = True
            self._timer.start()
