"""One thread a device does all model work, a step at a time in turn.

Torch on two cores with two busy threads is several times slower than one after another, and hooks or
grad modes of one session must not meet another's. So sessions hand their work to this thread. Work that
takes many steps (a generation) is a Python generator: the thread advances each running one by a step, round
after round, so that two people generating at once both see tokens, and a short question never waits
for a long answer. Generations of one model are one piece of work, which computes a step of several at once
(`lmloupe.model.generation.serving`). Work in the background is advanced while there is nothing else to do: any
question goes ahead of it, after the step at hand.
"""

from __future__ import annotations

import logging
import os
import queue
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, NoReturn, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from lmloupe.errors import NotEnoughMemoryError

__all__ = ["Delivery", "Results", "Stopwatch", "Ticket", "Worker", "is_out_of_memory", "worker_for"]

T = TypeVar("T")
_END = object()
_log = logging.getLogger(__name__)
# torch has a class of error for the GPU's memory alone; of the CPU's, and of what cuBLAS needs, only the words say it.
_FULL = re.compile("can't allocate memory|not enough memory|(CUBLAS|CUDNN)_STATUS_ALLOC_FAILED", re.IGNORECASE)
_ASKED = re.compile(r"[Tt]ried to allocate ([\d.]+ [A-Za-z]+)")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory is full, of a GPU or of this machine.

    >>> is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."))
    True
    """
    full = isinstance(error, torch.OutOfMemoryError | MemoryError)
    return full or (isinstance(error, RuntimeError) and _FULL.search(str(error)) is not None)


def _told(error: BaseException | None) -> BaseException | None:
    """An error as its owner is told it: that memory is full in a sentence, and without the frames that hold tensors."""
    if error is None or not is_out_of_memory(error):
        return error
    asked = _ASKED.search(str(error))
    more = f" ({asked[1]} more were asked for)" if asked else ""
    told = NotEnoughMemoryError(
        f"This needs more memory than is free{more}: shorten the text, let another model go, or choose fewer bits or a "
        "smaller model."
    )
    told.__cause__ = error.with_traceback(None)
    return told


class Delivery(Generic[T]):
    """Results on their way from the worker's thread to their owner: they come out of a queue."""

    def __init__(self) -> None:
        self._results: queue.SimpleQueue[tuple[T | object, BaseException | None]] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._ended = False

    @property
    def closed(self) -> bool:
        """Whether its owner wants no more."""
        return self._closed.is_set()

    def put(self, result: T) -> None:
        """Hand over a result."""
        self._results.put((result, None))

    def end(self, error: BaseException | None = None) -> None:
        """Say that no more comes, and with which error it ended; full memory is a NotEnoughMemoryError."""
        error = _told(error)
        if error is not None and self.closed:
            # The owner may never ask again, so an error of the clean-up is logged as well.
            _log.error("Work that its owner had closed failed while it was cleaned up.", exc_info=error)
        self._results.put((_END, error))

    def take(self, timeout_s: float | None = None) -> T | None:
        """The next result; None after ``timeout_s`` seconds without one.

        Raises:
            StopIteration: there are no more, or it is closed. Whatever the work raised is raised here, also what its
                clean-up has raised by now where it is closed.
        """
        if self._ended:
            raise StopIteration
        if self.closed:
            return self._last_word()
        try:
            result, error = self._results.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if result is _END:
            self._end(error)
        return result  # type: ignore[return-value]

    def _last_word(self) -> NoReturn:
        """Let go of the results that a closed one still has; raise what ended it, if it has ended."""
        while not self._results.empty():
            result, error = self._results.get()
            if result is _END:
                self._end(error)
        raise StopIteration

    def _end(self, error: BaseException | None) -> NoReturn:
        self._ended = True
        if error is not None:
            raise error
        raise StopIteration

    def close(self) -> None:
        """Let no further step begin; the work's clean-up runs in the worker's thread."""
        self._closed.set()


class Ticket(Delivery[T]):
    """A running piece of work, and the delivery of its results."""

    def __init__(self, work: Iterator[T | None], *, background: bool = False) -> None:
        super().__init__()
        self.background = background
        self._work = work

    def advance(self) -> bool:
        """Do one step in the worker's thread; False when there is nothing more to do."""
        if self.closed:
            return self._finish(None)
        try:
            result = next(self._work)
            if result is not None:  # None: a step that yields the thread and has nothing to say yet
                self.put(result)
        except StopIteration:
            return self._finish(None)
        except BaseException as error:  # not swallowed: `take` raises it in the thread that asked
            return self._finish(error)
        return True

    def _finish(self, error: BaseException | None) -> bool:
        # The generator's own `finally` frees its cache here, in the thread that made it. It may raise or refuse to
        # end: that is its owner's to know, and every other session's questions still wait for this thread.
        try:
            close = getattr(self._work, "close", None)
            if close is not None:
                close()
        except BaseException as cleaning:  # not swallowed: as above
            if error is not None:
                cleaning.__context__ = error
            error = cleaning
        self.end(error)
        return False


class Results(Generic[T]):
    """Results of work over a text as they come: iterate, or `poll` so as never to wait for long.

    Attributes:
        input_ids: int32 (n,), the text as the model reads it.
    """

    def __init__(self, input_ids: NDArray[np.int32], delivery: Delivery[T]) -> None:
        self.input_ids = input_ids
        self._delivery = delivery

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        result = self._delivery.take()
        assert result is not None  # noqa: S101 - without a time limit `take` waits
        return result

    def poll(self, timeout_s: float) -> T | None:
        """The next result, or None after ``timeout_s`` seconds; StopIteration at the end."""
        return self._delivery.take(timeout_s)

    def close(self) -> None:
        """Stop after the step at hand."""
        self._delivery.close()

    def __del__(self) -> None:
        self._delivery.close()  # nobody reads any more: the model need not go on


class Stopwatch:
    """Counts the seconds of one session's own work alone: between two steps the worker serves others.

    Args:
        device: where the work is done. A GPU works on after a call has come back: its clock is read when it is done.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.seconds = 0.0

    def timed(self, work: Callable[[], T]) -> T:
        """Do the work and count it."""
        self._wait()
        began = time.perf_counter()
        result = work()
        self._wait()
        self.seconds += time.perf_counter() - began
        return result

    def _wait(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        elif self._device.type == "mps":
            torch.mps.synchronize()


class Worker:
    """A daemon thread with a list of running work, advanced in turn."""

    def __init__(self, name: str) -> None:
        self._arrivals: queue.SimpleQueue[Ticket[object]] = queue.SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def submit(self, work: Iterator[T | None], *, background: bool = False) -> Ticket[T]:
        """Queue work of many steps; in the background, its steps are done while there is nothing else to do."""
        ticket = Ticket(work, background=background)
        self._arrivals.put(ticket)  # type: ignore[arg-type]
        return ticket

    def call(self, function: Callable[[], T]) -> T:
        """Run one function in the worker's thread and wait for its result."""
        # In a tuple, because a bare None would mean a step without a result.
        answer = self.submit((function(),) for _ in range(1)).take()
        assert answer is not None  # noqa: S101 - without a time limit `take` waits
        return answer[0]

    def last(self, work: Iterator[T | None]) -> T:
        """Run work of many steps that has one result, and wait for it; others come in between its steps."""
        answer = self.submit(work).take()
        assert answer is not None  # noqa: S101 - without a time limit `take` waits
        return answer

    def _run(self) -> None:
        torch.set_num_threads(_usable_cores())
        running: deque[Ticket[object]] = deque()
        behind: deque[Ticket[object]] = deque()

        def admit(ticket: Ticket[object]) -> None:
            (behind if ticket.background else running).append(ticket)

        # Grad mode belongs to the thread: set here once, it holds for every step.
        with torch.inference_mode():
            while True:
                if not running and not behind:
                    admit(self._arrivals.get())
                while not self._arrivals.empty():
                    admit(self._arrivals.get())
                ticket = (running or behind).popleft()
                if ticket.advance():
                    admit(ticket)


def _usable_cores() -> int:
    # The machine may have more cores than this process may use (containers, taskset). Whoever shares it among several
    # processes says so in OpenMP's variable, as Ray does for each replica by the processors that it was given.
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    given = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return min(cores, max(1, int(given))) if given.isdecimal() else cores


_workers: dict[str, Worker] = {}
_workers_lock = threading.Lock()


def worker_for(device: str) -> Worker:
    """The one worker of a device; all models on it share it."""
    with _workers_lock:
        if device not in _workers:
            _workers[device] = Worker(f"lmloupe-{device}")
        return _workers[device]
