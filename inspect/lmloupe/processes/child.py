"""One other process of lmloupe, which is killed when it does not answer in time.

Work that nobody vouches for can go on for ever inside a library that Python cannot interrupt, a pattern that
backtracks for example. Only a process can be stopped from outside.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import Any

from lmloupe.processes.frames import Answer, read_frame, write_frame

__all__ = ["PACKAGE_PARENT", "PATIENCE", "Child"]

PATIENCE = 6
"""Limits are seconds of work. A process that gets no turn on a busy machine is ended after this many times as long."""

PACKAGE_PARENT = str(Path(str(resources.files("lmloupe"))).parent)
"""The folder that another Python needs on its path to find lmloupe."""

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
        writes: whether it may write temporary files: into a folder of its own, which is its first argument and goes
            when it ends.

    Attributes:
        process: the process.
        folder: for its temporary files; None where it writes none.
        holds: what the process has been made ready for, to be set by whoever did so; see `lmloupe.processes.pool`.
    """

    def __init__(self, module: str, *, writes: bool = False) -> None:
        self.holds: object = None
        self.folder = tempfile.mkdtemp(prefix="lmloupe-") if writes else None
        try:
            self.process = self._started(module)
        except OSError:
            self._remove_folder()
            raise

    def _started(self, module: str) -> subprocess.Popen[bytes]:
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [PACKAGE_PARENT, os.environ.get("PYTHONPATH")]))
        threads = dict.fromkeys(("RAYON_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
        arguments = [] if self.folder is None else [self.folder]
        if self.folder is not None:
            environment |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), self.folder)
        return subprocess.Popen(  # noqa: S603 - this interpreter and a module of this package, no shell
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
        self._remove_folder()

    def _remove_folder(self) -> None:
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self.process.poll() is None
