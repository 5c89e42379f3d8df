"""The line before a model: who is served, who waits, and what they are handed. Safe between threads."""

from __future__ import annotations

import threading
from collections import deque

from lmloupe.model.generation.results import Step
from lmloupe.model.generation.serving.request import LocalGeneration, Request

__all__ = ["Line"]


class Line:
    """Those who are served and those who wait for it, in the order in which they came.

    Args:
        most: how many are served at once.

    Attributes:
        n_put: steps that were handed on so far.
    """

    def __init__(self, most: int) -> None:
        self.most, self.n_put = most, 0
        self._lock = threading.Lock()
        self._open = False
        self._waiting: deque[Request] = deque()
        self._served: list[Request] = []

    # In the owners' threads

    def enter(self, request: Request) -> tuple[LocalGeneration, bool]:
        """Stand at the end, or join an equal request that has not ended; whether somebody has to begin to serve."""
        with self._lock:
            known = (*self._served, *self._waiting) if request.same is not None else ()
            equal = next((other for other in known if other.same == request.same), None)
            if equal is None:
                self._waiting.append(request)
            generation = LocalGeneration(equal or request, (equal or request).follow(), self)
            begins, self._open = not self._open, True
            return generation, begins

    def ahead(self, request: Request) -> int:
        """How many wait before a request; 0 where it is served."""
        with self._lock:
            waiting = list(self._waiting)
        return sum(not other.closed for other in waiting[: waiting.index(request)]) if request in waiting else 0

    def waits(self, request: Request) -> bool:
        """Whether a request's turn has not come yet."""
        with self._lock:
            return request in self._waiting

    def counts(self) -> tuple[int, int]:
        """How many are served and how many wait; those that their owners have closed are neither."""
        with self._lock:
            served = sum(not request.closed for request in self._served)
            return served, sum(not request.closed for request in self._waiting)

    # In the worker's thread

    def admit(self) -> list[Request] | None:
        """Who is served from now on; None where nobody is, and whoever comes next has to begin."""
        with self._lock:
            for request in [request for request in self._waiting if request.closed]:
                self._waiting.remove(request)
                request.end()
            admitted = [self._waiting.popleft() for _ in range(min(len(self._waiting), self.most - len(self._served)))]
            self._served += admitted
            self._open = bool(self._served)
            return admitted if self._open else None

    def take_closed(self) -> list[Request]:
        """Take out those that are served and that their owners have closed."""
        with self._lock:
            gone = [request for request in self._served if request.closed]
            if gone:
                self._served = [request for request in self._served if request not in gone]
            return gone

    def put(self, request: Request, step: Step) -> None:
        """Hand a request a step."""
        with self._lock:
            self.n_put += 1
            request.put(step)

    def end(self, request: Request, error: BaseException | None = None) -> None:
        """Let a request go that has ended."""
        with self._lock:
            if request in self._served:
                self._served.remove(request)
            request.end(error)

    def end_all(self, error: BaseException) -> None:
        """Let everybody go, and tell them why."""
        with self._lock:
            for request in (*self._served, *self._waiting):
                request.end(error)
            self._served, self._waiting, self._open = [], deque(), False
