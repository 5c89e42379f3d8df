"""Generations that sessions share: equal requests are computed once, also while they run.

A thread for each running generation takes its steps as they come; sessions watch. Who comes later sees it from its
first token. When the last watcher has left, the model stops. Finished ones are kept, a bounded number of them.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st

import lmloupe as lm
from ui.generation.live.runs import Request, Run, bare

__all__ = ["Lives", "Watch", "attach", "finished_run", "server_lives"]

KEPT = 64
GRACE_S = 2.0
"""How long a generation goes on that nobody watches: a page that runs again comes back within that."""
POLL_S = 0.25


class _Live:
    """One generation that the server computes or has computed, and the steps so far."""

    def __init__(self, generation: lm.Generation) -> None:
        self.name = secrets.token_hex(6)
        self.generation: lm.Generation | None = generation
        self.reused_tokens = 0
        self.steps: list[lm.Step] = []
        self.error: Exception | None = None
        self.ended = self.closed = False
        self.watchers: set[Watch] = set()
        self.changed = threading.Condition()

    def add(self, step: lm.Step, reused_tokens: int) -> None:
        with self.changed:
            if not self.closed:
                self.steps.append(step)
                self.reused_tokens = reused_tokens
                self.changed.notify_all()

    def end(self, error: Exception | None) -> None:
        with self.changed:
            self.error, self.ended, self.generation = None if error is None else bare(error), True, None
            self.changed.notify_all()

    def close(self) -> None:
        """Let the model compute nothing more than the step at hand."""
        self.closed = True
        if (generation := self.generation) is not None:
            generation.close()


class Watch:
    """One session's look at a generation, from its first token on."""

    def __init__(self, lives: Lives, live: _Live) -> None:
        self._lives, self._live, self._seen = lives, live, 0

    @property
    def name(self) -> str:
        """Of the generation: the same for all who watch it, and another one for one that was begun anew."""
        return self._live.name

    @property
    def ahead(self) -> int | None:
        """How many others wait before this generation; None where its turn has come."""
        generation = self._live.generation
        return generation.ahead if generation is not None and generation.waits else None

    @property
    def reused_tokens(self) -> int:
        """How many tokens of the prompt were in a cache already."""
        return self._live.reused_tokens

    def news(self, timeout_s: float) -> list[lm.Step]:
        """The steps since the last call; an empty list after ``timeout_s`` seconds without one.

        Raises:
            StopIteration: it has ended, and all its steps were seen.
            Exception: what ended it; every watcher gets it.
        """
        live = self._live
        with live.changed:
            live.changed.wait_for(lambda: len(live.steps) > self._seen or live.ended, timeout_s)
            found = live.steps[self._seen :]
            self._seen += len(found)
            if found or not live.ended:
                return found
        if live.error is not None:
            raise bare(live.error)  # shared: each raise would add its frames
        raise StopIteration

    def leave(self, grace_s: float = 0.0) -> None:
        """Watch no longer; the last one to leave stops the model, now or ``grace_s`` seconds later. Safe to repeat."""
        self._lives.leave(self, self._live, grace_s)


class _Turn:
    """Of those who ask the same at the same time: one begins it, the others wait for that."""

    def __init__(self) -> None:
        self.lock, self.n_waiting = threading.Lock(), 0


class Lives:
    """The generations of this server: those that run, and those that have ended well, the oldest let go first."""

    def __init__(self) -> None:
        self._running: dict[Request, _Live] = {}
        self._finished: OrderedDict[Request, _Live] = OrderedDict()
        self._turns: dict[Request, _Turn] = {}
        self._lock = threading.Lock()

    def attach(self, request: Request, start: Callable[[], lm.Generation]) -> Watch:
        """Watch the generation of a request, which ``start`` begins unless it runs or has ended already.

        Raises:
            LoupeError: what ``start`` raises.
        """
        with self._turn(request):
            watch = self._watch(request)
            if watch is not None:
                return watch
            generation = start()
            with self._lock:
                live = self._running[request] = _Live(generation)
                live.watchers.add(watch := Watch(self, live))
            follower = threading.Thread(target=self._follow, args=(request, live, generation), name="lmloupe-reply")
            follower.daemon = True
            follower.start()
            return watch

    def _watch(self, request: Request) -> Watch | None:
        with self._lock:
            live = self._running.get(request) or self._finished.get(request)
            if live is None:
                return None
            watch = Watch(self, live)
            live.watchers.add(watch)
            return watch

    @contextmanager
    def _turn(self, request: Request) -> Iterator[None]:
        """One at a time for each request. To begin takes a while (a grammar, a cluster), and holds up no other one."""
        with self._lock:
            turn = self._turns.setdefault(request, _Turn())
            turn.n_waiting += 1
        try:
            with turn.lock:
                yield
        finally:
            with self._lock:
                turn.n_waiting -= 1
                if not turn.n_waiting:
                    del self._turns[request]

    def finished(self, request: Request) -> Run | None:
        """A run of this request, with all steps, if it has ended well."""
        with self._lock:
            live = self._finished.get(request)
            if live is None:
                return None
            self._finished.move_to_end(request)
            return Run(request, list(live.steps), finished=True, reused_tokens=live.reused_tokens)

    def leave(self, watch: Watch, live: _Live, grace_s: float) -> None:
        """See `Watch.leave`."""
        with self._lock:
            live.watchers.discard(watch)
            if live.watchers or live.ended or live.closed:
                return
            if grace_s <= 0:
                self._close(live)
                return
        later = threading.Timer(grace_s, self._close_alone, (live,))
        later.daemon = True
        later.start()

    def _close_alone(self, live: _Live) -> None:
        with self._lock:
            if not (live.watchers or live.ended or live.closed):
                self._close(live)

    def _close(self, live: _Live) -> None:
        """Stop it, and let who asks from now on begin anew."""
        live.close()
        for request in [request for request, held in self._running.items() if held is live]:
            del self._running[request]

    def _follow(self, request: Request, live: _Live, generation: lm.Generation) -> None:
        error: Exception | None = None
        try:
            while not live.closed:
                step = generation.poll(POLL_S)
                if step is not None:
                    live.add(step, generation.reused_tokens)
        except StopIteration:
            pass
        except Exception as raised:  # not swallowed: `Watch.news` raises it in every session that watches
            error = raised
        finally:
            generation.close()
            with self._lock:
                if self._running.get(request) is live:
                    del self._running[request]
                    if error is None:
                        self._finished[request] = live
                        while len(self._finished) > KEPT:
                            self._finished.popitem(last=False)
            live.end(error)


@st.cache_resource(show_spinner=False)
def server_lives() -> Lives:
    """All generations of this server."""
    return Lives()


def attach(request: Request, engine: lm.Engine) -> Watch:
    """Watch the generation of a request on this server; see `Lives.attach`."""
    return server_lives().attach(
        request,
        lambda: engine.generate(
            request.ids, request.sampling, request.max_new_tokens, request.seed,
            lens=request.lens, stop_ids=request.stop_ids, constraint=request.constraint,
        ),
    )  # fmt: skip


def finished_run(request: Request) -> Run | None:
    """The run of this request if anyone has let it finish."""
    return server_lives().finished(request)
