"""Processes of Streamlit that serve the same app: one cookie secret, one cache folder, a free port each.

What they share is in the cache folder: the embedded model's file, ``results``, where what one of them has computed is
read by the others, and ``classes.sqlite3``, so that a class goes on in all of them. That file must be on a disk of this
machine: SQLite's write-ahead log needs shared memory, which no network file system has. A session lives in one process;
the settings of its page are in its link, and go on in another one.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from types import TracebackType

from lmloupe import cache_folder

__all__ = ["FrontEnds", "cookie_secret", "free_port"]

REPOSITORY = Path(__file__).parents[1]
START_S = 180.0
STOP_S = 15.0
"""How long a front end may take to let its sessions go; then it is killed."""
AGAIN_S = 2.0
"""Between two starts of one that ends again and again."""
_log = logging.getLogger("deploy")


def free_port() -> int:
    """A port of the loopback address that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cookie_secret(folder: Path) -> str:
    """What signs the cookies of all front ends, the same after a restart: made once, for the owner's eyes only."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "cookie_secret"
    try:
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text("ascii").strip()
    with os.fdopen(made, "w") as file:
        secret = secrets.token_hex(32)
        file.write(secret)
    return secret


class FrontEnds:
    """So many processes, started at entry and ended at exit.

    Args:
        number: how many.

    Attributes:
        ports: of the loopback address, one each; a process that is started again keeps its port.
    """

    def __init__(self, number: int) -> None:
        self.ports = tuple(free_port() for _ in range(number))
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._began: dict[int, float] = {}

    def __enter__(self) -> FrontEnds:
        for port in self.ports:
            self._start(port)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes.values():
            process.send_signal(signal.SIGTERM)
        end = time.monotonic() + STOP_S
        for port, process in self._processes.items():
            try:
                process.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                _log.warning("The front end on port %d did not stop in %.0f s and is killed.", port, STOP_S)
                process.kill()
                process.wait()

    @property
    def pids(self) -> tuple[int, ...]:
        """Of the processes, in the order of the ports."""
        return tuple(self._processes[port].pid for port in self.ports)

    def wait_until_up(self, ends: threading.Event) -> None:
        """Wait until all answer their health check, or until the event is set.

        Raises:
            RuntimeError: one has ended, or did not answer in three minutes.
        """
        end = time.monotonic() + START_S
        for port in self.ports:
            while not ends.is_set() and not _healthy(port):
                code = self._processes[port].poll()
                if code is not None:
                    raise RuntimeError(f"The front end on port {port} ended with {code} before it answered.")
                if time.monotonic() > end:
                    raise RuntimeError(f"The front end on port {port} did not answer in {START_S:.0f} s.")
                time.sleep(0.1)

    def keep_up(self) -> None:
        """Start those again that have ended; call it now and then."""
        for port, process in self._processes.items():
            code = process.poll()
            if code is not None and time.monotonic() - self._began[port] > AGAIN_S:
                _log.warning("The front end on port %d ended with %d and is started again.", port, code)
                self._start(port)

    def _start(self, port: int) -> None:
        # Only this machine reaches their ports, so whoever can read the metrics may.
        metrics = "1" if importlib.util.find_spec("prometheus_client") else ""
        environment = {"LMLOUPE_METRICS": metrics, "STREAMLIT_SERVER_COOKIE_SECRET": cookie_secret(cache_folder())}
        environment["LMLOUPE_RESULTS"] = str(cache_folder() / "results")
        paths = [str(REPOSITORY / "inspect"), str(REPOSITORY), os.environ.get("PYTHONPATH", "")]
        environment |= os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
        command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"]
        command += [f"--server.port={port}", "--server.address=127.0.0.1", "--server.headless=true"]
        self._began[port] = time.monotonic()
        # A group of its own: Ctrl+C in a terminal reaches this process alone, which ends the others in order.
        self._processes[port] = subprocess.Popen(command, cwd=REPOSITORY, env=environment, start_new_session=True)
        _log.info("Front end on port %d, process %d.", port, self._processes[port].pid)


def _healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5):
            return True
    except OSError:
        return False
