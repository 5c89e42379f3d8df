"""A tokenizer that works in a process of its own, which is killed when it does not answer in time.

A pattern of a tokenizer file can backtrack for ever, inside a library that Python cannot interrupt. Only a process
can be stopped from outside. `lmloupe.loading.isolated._child` is that process; here are the handle on it and the
rule how many may run. All tokenizers but the embedded ones work so: those of the hub, of folders, and uploaded files.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lmloupe.errors import (
    AnswerTimeoutError,
    LoadTimeoutError,
    LoupeError,
    TokenizerFailedError,
    TokenizerTimeoutError,
    UnsupportedError,
)
from lmloupe.loading.isolated.refusals import refusal
from lmloupe.names import seconds, shown
from lmloupe.processes.frames import MAX_MEMORY_BYTES, Answer, memory, read_frame, write_frame

__all__ = ["MAX_PROCESSES", "Child", "Guard"]

MAX_PROCESSES = 8
"""Most processes at once; the one not used for longest is ended for one more, and starts again when it is needed."""

PATIENCE = 6
"""Limits are seconds of work. A process that gets no turn on a busy machine is ended after this many times as long."""

_WAIT_FOR_TURN_S = 30.0
_BYTES_A_SECOND = 200_000
_READS = ("tables", "states", "model_state")  # the file's data: as much work as opening it, and no rule runs
_STAGES = ("stages", "changes", "match", "encode_with_care")
_LIBRARY_S = 4.0  # the first of these loads lmloupe and NumPy into the process
_ROOT = str(Path(__file__).parents[3])

# The process sees no secret of this one: no token of the hub, no key.
_ENVIRONMENT = ("PATH", "PYTHONHOME", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TEMP", "TMP")


def _cpu_s(pid: int) -> float | None:
    """Seconds that a process has worked; None where the system does not tell (only Linux does so this way)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return None


def _started_timer(seconds: float, expire: Callable[[], None]) -> threading.Timer:
    timer = threading.Timer(seconds, expire)
    timer.daemon = True
    timer.start()
    return timer


class Child:
    """One running process, used by one thread at a time.

    Args:
        module: the module of lmloupe that it runs, which answers frames.
        folder: where it may write temporary files; it is told so by its first argument too. None where it writes none.
    """

    def __init__(self, module: str = "lmloupe.loading.isolated._child", folder: str | None = None) -> None:
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [_ROOT, os.environ.get("PYTHONPATH")]))
        threads = dict.fromkeys(("RAYON_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
        arguments = [] if folder is None else [folder]
        if folder is not None:
            environment |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), folder)
        self.process = subprocess.Popen(  # noqa: S603 - this interpreter and a module of this package, no shell
            [sys.executable, "-P", "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment | threads | {"TOKENIZERS_PARALLELISM": "false"},
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )

    def ask(self, request: dict[str, Any], body: bytes, limit_s: float) -> Answer | None:
        """The answer; None where it was killed for not giving one within so many seconds of work.

        Raises:
            EOFError: it ended by itself.
        """
        if self.process.stdin is None or self.process.stdout is None:
            raise EOFError
        lock, over, killed, answered = threading.Lock(), False, False, False
        timer: threading.Timer
        begun, spent_before = time.monotonic(), _cpu_s(self.process.pid)

        def expire() -> None:
            nonlocal killed, timer
            with lock:
                if over:
                    return
                spent = _cpu_s(self.process.pid)
                # On a busy machine a process waits for its turn: what counts is the time that it has worked.
                left_s = 0.0 if spent is None or spent_before is None else limit_s - (spent - spent_before)
                if left_s > 0 and time.monotonic() < begun + PATIENCE * limit_s:
                    timer = _started_timer(max(left_s, 0.1), expire)
                    return
                killed = True
                self.process.kill()

        timer = _started_timer(limit_s, expire)
        try:
            write_frame(self.process.stdin, request | {"limit_s": PATIENCE * limit_s}, body)
            answer = read_frame(self.process.stdout)
            answered = True
            return answer
        except (OSError, EOFError, ValueError) as error:
            with lock:
                if killed:
                    return None
            raise EOFError from error
        finally:
            with lock:
                over = True
                timer.cancel()
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
    def turn(self, slot: list[Child], busy: type[TokenizerTimeoutError]) -> Iterator[None]:
        """Hold one of the places, and take the slot's process out of those that may be ended.

        Raises:
            busy: none became free.
        """
        if not self._free.acquire(timeout=_WAIT_FOR_TURN_S):
            raise busy(f"All {self._most} places for tokenizers that are not embedded are busy: try again in a moment.")
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
        load_limit_s: seconds to open the file, each time that its process starts, and to read out its tables.
    """

    def __init__(self, data: bytes, name: str, call_limit_s: float, load_limit_s: float) -> None:
        self.name = name
        self._data = data
        self._call_limit_s = call_limit_s
        self._load_limit_s = load_limit_s
        self._lock = threading.Lock()
        self._loaded = False
        self._slot: list[Child] = []
        self._end = weakref.finalize(self, _end_all, self._slot)

    def ask(self, do: str, body: bytes = b"", *, culprit: str | None = None, **arguments: Any) -> Answer:
        """Let the process do one thing, starting it first where there is none.

        Args:
            do: a method of ``_guard.Served``.
            body: what it works on.
            culprit: the pattern to name when the time is over.
            arguments: what else it needs, JSON.

        Raises:
            LoadTimeoutError, AnswerTimeoutError: it did not answer in time, and was ended.
            LoadError, TokenizerFailedError: it was not allowed the memory, failed, or does not take the file. It is a
                `LoadError` until its tables were read.
        """
        least_s = self._load_limit_s if do in _READS else self._call_limit_s
        if do in _STAGES:
            least_s += _LIBRARY_S
        limit_s = least_s + len(body) / _BYTES_A_SECOND
        with self._lock, _turns.turn(self._slot, self._timeout):
            if self._slot and not self._slot[0].is_alive:
                self._slot.pop().end()
            if not self._slot:
                self._start()
            header, result = self._exchange({"do": do} | arguments, body, limit_s, culprit)
            self._loaded = self._loaded or do == "tables"
        return header, result

    @property
    def _timeout(self) -> type[LoadTimeoutError | AnswerTimeoutError]:
        return AnswerTimeoutError if self._loaded else LoadTimeoutError

    @property
    def _failure(self) -> type[LoupeError]:
        return TokenizerFailedError if self._loaded else UnsupportedError

    def _start(self) -> None:
        try:
            self._slot.append(Child())
        except OSError as error:
            raise self._failure(
                f"{shown(self.name)} needs a process of its own, and this system gives none ({error.strerror})."
            ) from error
        self._exchange({"do": "load"}, self._data, self._load_limit_s, None)

    def _exchange(self, request: dict[str, Any], body: bytes, limit_s: float, pattern: str | None) -> Answer:
        child = self._slot[0]
        try:
            answer = child.ask(request, body, limit_s)
        except EOFError as error:
            self._drop()
            raise self._failure(
                f"{shown(self.name)} made its process end (code {child.process.returncode}), as a file does that asks "
                f"for {memory(MAX_MEMORY_BYTES)}: LM Loupe cannot show it."
            ) from error
        if answer is None:
            self._drop()
            doing = "open" if request["do"] == "load" else "answer"
            raise self._timeout(f"{shown(self.name)} did not {doing} within {seconds(limit_s)}{_why(pattern)}")
        header, result = answer
        if header.get("last"):
            self._drop()
        if "refused" in header:
            raise refusal(self.name, header, pattern, loaded=self._loaded)
        return header, result

    def _drop(self) -> None:
        self._slot.pop().end()

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The process while there is one."""
        return next((child.process for child in self._slot if child.is_alive), None)


def _why(pattern: str | None) -> str:
    if pattern is None:
        return " and was stopped: the file is too large, or a pattern in it backtracks for ever."
    return (
        f" and was stopped: its pattern {shown(pattern)} may backtrack for ever on this text; "
        "try another text, or correct the file."
    )
