"""A tokenizer that works in a process of its own, which is killed when it does not answer in time.

A pattern of a tokenizer file can backtrack for ever, inside a library that Python cannot interrupt. Only a process
can be stopped from outside. `lmloupe.loading.isolated._child` is that process; here are the handle on it and the
rule how many may run. All tokenizers but the embedded ones work so: those of the hub, of folders, and uploaded files.
"""

from __future__ import annotations

import subprocess
import threading
import weakref
from contextlib import ExitStack
from typing import Any

from lmloupe.errors import (
    AnswerTimeoutError,
    LoadTimeoutError,
    LoupeError,
    TokenizerFailedError,
    UnsupportedError,
)
from lmloupe.loading.isolated.limits import LIMITS, MAX_PROCESSES
from lmloupe.loading.isolated.refusals import refusal
from lmloupe.names import seconds, shown
from lmloupe.processes.child import Child
from lmloupe.processes.frames import Answer
from lmloupe.processes.limits import memory
from lmloupe.processes.pool import AllBusyError, Pool

__all__ = ["Guard"]

_BYTES_A_SECOND = 200_000
_READS = ("tables", "states", "model_state")  # the file's data: as much work as opening it, and no rule runs
_OURS = ("ask", "encode_with_care")
_LIBRARY_S = 4.0  # the first of these loads lmloupe and NumPy into the process
_pool = Pool("lmloupe.loading.isolated._child", MAX_PROCESSES)


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
        self._owner = object()  # not this object itself, which the pool would keep alive
        weakref.finalize(self, _pool.end, self._owner)

    def ask(self, do: str, body: bytes = b"", *, culprit: str | None = None, **arguments: Any) -> Answer:
        """Let the process do one thing, starting it first where there is none.

        Args:
            do: a method of `lmloupe.loading.isolated._child.Served`.
            body: what it works on.
            culprit: the pattern to name when the time is over.
            arguments: what else it needs, JSON.

        Raises:
            LoadTimeoutError, AnswerTimeoutError: it did not answer in time, and was ended.
            LoadError, TokenizerFailedError: it was not allowed the memory, failed, or does not take the file. It is a
                `LoadError` until its tables were read.
        """
        least_s = self._load_limit_s if do in _READS else self._call_limit_s
        if do in _OURS:
            least_s += _LIBRARY_S
        limit_s = least_s + len(body) / _BYTES_A_SECOND
        with self._lock, ExitStack() as stack:
            child = self._lease(stack)
            if child.holds is not self._owner:
                self._open_file(child)
            header, result = self._exchange(child, {"do": do} | arguments, body, limit_s, culprit)
            self._loaded = self._loaded or do == "tables"
        return header, result

    @property
    def _timeout(self) -> type[LoadTimeoutError | AnswerTimeoutError]:
        return AnswerTimeoutError if self._loaded else LoadTimeoutError

    @property
    def _failure(self) -> type[LoupeError]:
        return TokenizerFailedError if self._loaded else UnsupportedError

    def _lease(self, stack: ExitStack) -> Child:
        try:
            return stack.enter_context(_pool.lease(self._owner))
        except AllBusyError as error:
            raise self._timeout(
                f"All {MAX_PROCESSES} places for tokenizers that are not embedded are busy: try again in a moment."
            ) from error
        except OSError as error:
            raise self._failure(
                f"{shown(self.name)} needs a process of its own, and this system gives none ({error.strerror})."
            ) from error

    def _open_file(self, child: Child) -> None:
        try:
            self._exchange(child, {"do": "load"}, self._data, self._load_limit_s, None)
        except BaseException:
            child.end()  # it has no file open, so nobody could use it
            raise
        child.holds = self._owner

    def _exchange(
        self, child: Child, request: dict[str, Any], body: bytes, limit_s: float, pattern: str | None
    ) -> Answer:
        try:
            answer = child.ask(request, body, limit_s)
        except EOFError as error:
            raise self._failure(
                f"{shown(self.name)} made its process end (code {child.process.returncode}), as a file does that asks "
                f"for {memory(LIMITS.memory_bytes)}: LM Loupe cannot show it."
            ) from error
        if answer is None:
            doing = "open" if request["do"] == "load" else "answer"
            raise self._timeout(f"{shown(self.name)} did not {doing} within {seconds(limit_s)}{_why(pattern)}")
        header, result = answer
        if header.get("last"):
            child.end()
        if "refused" in header:
            raise refusal(self.name, header, pattern, loaded=self._loaded)
        return header, result

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The process while there is one."""
        child = _pool.find(self._owner)
        return None if child is None else child.process


def _why(pattern: str | None) -> str:
    if pattern is None:
        return " and was stopped: the file is too large, or a pattern in it backtracks for ever."
    return (
        f" and was stopped: its pattern {shown(pattern)} may backtrack for ever on this text; "
        "try another text, or correct the file."
    )
