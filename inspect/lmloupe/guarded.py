"""A tokenizer that works in a process of its own, which is killed when it does not answer in time.

A pattern of a tokenizer file can backtrack for ever, inside a library that Python cannot interrupt. Only a process
can be stopped from outside. `lmloupe._guard` is that process; here are the handle on it and the rule how many may run.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lmloupe import _guard
from lmloupe._guard import Answer, read_frame, write_frame
from lmloupe._refusals import refusal
from lmloupe.errors import TokenizerTimeoutError, UnsupportedError
from lmloupe.sources import shown

__all__ = ["MAX_PROCESSES", "Child", "Guard"]

MAX_PROCESSES = 4
"""Most processes at once; the one not used for longest is ended for a fifth, and starts again when it is needed."""

_WAIT_FOR_TURN_S = 30.0
_BYTES_A_SECOND = 200_000

# The process sees no secret of this one: no token of the hub, no key.
_ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TEMP", "TMP")


class Child:
    """One running process, used by one thread at a time."""

    def __init__(self, script: str = _guard.__file__) -> None:
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        self.process = subprocess.Popen(  # noqa: S603 - this interpreter and a file of this package, no shell
            [sys.executable, "-P", str(Path(script))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment | {"TOKENIZERS_PARALLELISM": "false", "RAYON_NUM_THREADS": "1"},
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )

    def ask(self, request: dict[str, Any], body: bytes, limit_s: float) -> Answer | None:
        """The answer; None where it was killed for not giving one in time.

        Raises:
            EOFError: it ended by itself.
        """
        if self.process.stdin is None or self.process.stdout is None:
            raise EOFError
        lock, over, killed, answered = threading.Lock(), False, False, False

        def kill() -> None:
            nonlocal killed
            with lock:
                if not over:
                    killed = True
                    self.process.kill()

        timer = threading.Timer(limit_s, kill)
        timer.daemon = True
        timer.start()
        try:
            write_frame(self.process.stdin, request | {"limit_s": limit_s}, body)
            answer = read_frame(self.process.stdout)
            answered = True
            return answer
        except (OSError, EOFError, ValueError) as error:
            with lock:
                if killed:
                    return None
            raise EOFError from error
        finally:
            timer.cancel()
            with lock:
                over = True
            if killed or not answered:
                self.end()  # an answer that comes after all must not be taken for the next one's

    def end(self) -> None:
        """Kill it, now, and leave nothing of it behind."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what was still to be written has no reader any more
                    pipe.close()

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self.process.poll() is None


class _Turns:
    """Who may run: at most so many busy processes, and with the idle ones no more than that either."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._free = threading.BoundedSemaphore(most)
        self._lock = threading.Lock()
        self._idle: OrderedDict[Child, None] = OrderedDict()
        self._busy = 0

    @contextmanager
    def turn(self, slot: list[Child]) -> Iterator[None]:
        """Hold one of the places, and take the slot's process out of those that may be ended."""
        if not self._free.acquire(timeout=_WAIT_FOR_TURN_S):
            raise TokenizerTimeoutError(
                f"All {self._most} places for uploaded tokenizers are busy: try again in a moment."
            )
        try:
            with self._lock:
                for child in slot:
                    self._idle.pop(child, None)
                self._busy += 1
                # Within the lock: whoever comes for its own process must find it ended, not about to be.
                for child in self._surplus():
                    child.end()
            yield
        finally:
            with self._lock:
                self._busy -= 1
                self._idle.update((child, None) for child in slot if child.is_alive)
            self._free.release()

    def _surplus(self) -> list[Child]:
        for child in [child for child in self._idle if not child.is_alive]:
            del self._idle[child]
        return [self._idle.popitem(last=False)[0] for _ in range(len(self._idle) + self._busy - self._most)]


_turns = _Turns(MAX_PROCESSES)


def _end_all(slot: list[Child]) -> None:
    for child in slot:
        child.end()


class Guard:
    """A tokenizer file and the process that has it open; the process ends with this object, and with the program.

    Args:
        data: the file as it was uploaded.
        name: how messages call it.
        call_limit_s: seconds for one call; long texts get one more for each 200,000 bytes.
        load_limit_s: seconds to open the file, each time that its process starts.
    """

    def __init__(self, data: bytes, name: str, call_limit_s: float, load_limit_s: float) -> None:
        self.name = name
        self._data = data
        self._call_limit_s = call_limit_s
        self._load_limit_s = load_limit_s
        self._lock = threading.Lock()
        self._slot: list[Child] = []
        self._end = weakref.finalize(self, _end_all, self._slot)

    def ask(self, do: str, body: bytes = b"", *, pattern: str | None = None, **arguments: Any) -> Answer:
        """Let the process do one thing, starting it first where there is none.

        Args:
            do: a method of ``_guard.Served``.
            body: what it works on.
            pattern: the pattern to name when the time is over.
            arguments: what else it needs, JSON.

        Raises:
            TokenizerTimeoutError: it did not answer in time, and was ended.
            UnsupportedError: it was not allowed the memory, failed, or does not take the file.
        """
        limit_s = self._call_limit_s + len(body) / _BYTES_A_SECOND
        with self._lock, _turns.turn(self._slot):
            if self._slot and not self._slot[0].is_alive:
                self._slot.pop().end()
            if not self._slot:
                self._start()
            header, result = self._exchange({"do": do} | arguments, body, limit_s, pattern)
        return header, result

    def _start(self) -> None:
        try:
            self._slot.append(Child())
        except OSError as error:
            raise UnsupportedError(
                f"{shown(self.name)} needs a process of its own, and this system gives none ({error.strerror})."
            ) from error
        self._exchange({"do": "load"}, self._data, self._load_limit_s, None)

    def _exchange(self, request: dict[str, Any], body: bytes, limit_s: float, pattern: str | None) -> Answer:
        child = self._slot[0]
        try:
            answer = child.ask(request, body, limit_s)
        except EOFError as error:
            self._drop()
            raise UnsupportedError(
                f"{shown(self.name)} made its process end (code {child.process.returncode}), as a file does that asks "
                f"for more than {_guard.MAX_MEMORY_BYTES >> 30} GB of memory: LM Loupe cannot show it."
            ) from error
        if answer is None:
            self._drop()
            doing = "open" if request["do"] == "load" else "answer"
            raise TokenizerTimeoutError(f"{shown(self.name)} did not {doing} within {_seconds(limit_s)}{_why(pattern)}")
        header, result = answer
        if header.get("last"):
            self._drop()
        if "refused" in header:
            raise refusal(self.name, header, pattern)
        return header, result

    def _drop(self) -> None:
        self._slot.pop().end()

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The process while there is one."""
        return next((child.process for child in self._slot if child.is_alive), None)


def _seconds(limit_s: float) -> str:
    return f"{limit_s:g} s" if limit_s < 10 else f"{math.ceil(limit_s)} s"


def _why(pattern: str | None) -> str:
    if pattern is None:
        return " and was stopped: the file is too large, or a pattern in it backtracks for ever."
    return (
        f" and was stopped: its pattern {shown(pattern)} may backtrack for ever on this text; "
        "try another text, or correct the file."
    )
