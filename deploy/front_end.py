"""One process of Streamlit that serves the app: started, looked at, ended."""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from deploy.alone import cookie_secret
from deploy.ports import free_port
from lmloupe import cache_folder

__all__ = ["START_S", "STOP_S", "FrontEnd"]

REPOSITORY = Path(__file__).parents[1]
START_S = 180.0
"""How long a front end may take until it answers for the first time."""
STOP_S = 15.0
"""How long a front end may take to let its sessions go; then it is killed."""
BUSY = 0.02
"""The share of a core from which on a process counts as computing."""
UNSEEN_S = 2.0
"""From so long between two looks at what a process computes, nothing is concluded from them."""
LOOK_S = 1.0
"""Between two questions whether it is well."""
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_log = logging.getLogger("deploy")


class FrontEnd:
    """A process on a port of the loopback address, which it keeps over its restarts.

    Attributes:
        port: of the loopback address.
        open: whether it takes people who are new.
        leaving: whether it is being restarted on purpose.
        began: when its process was started (`time.monotonic`).
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.open, self.leaving, self.began = True, False, 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._answered = self._worked = 0.0
        self._seen = (0.0, 0.0)
        self._told_to_end = 0.0
        self._ends = threading.Event()
        self._looks = threading.Thread(target=self._look, name=f"look-{self.port}", daemon=True)

    @property
    def pid(self) -> int:
        """Of the process; 0 before the first start."""
        return 0 if self._process is None else self._process.pid

    @property
    def code(self) -> int | None:
        """What the process has ended with; None while it runs."""
        return None if self._process is None else self._process.poll()

    @property
    def up(self) -> bool:
        """Whether its process runs and has answered since it was started."""
        return self.code is None and self._answered >= self.began > 0 and not self.leaving

    def late(self) -> bool:
        """Whether it was started and did not answer in all the time that a start may take."""
        return self._answered < self.began and time.monotonic() - self.began > START_S

    def hangs(self, patience_s: float) -> bool:
        """Whether it gives no answer: for so long if it does not compute either, and for four times as long if it does.

        On a machine with too much to do, one that is alive may be slow to answer; one that hangs mostly does nothing.
        """
        now = time.monotonic()
        self._note_work(now)
        if self._answered < self.began:
            return self.late()
        return now - max(self._answered, self._worked) > patience_s or now - self._answered > 4 * patience_s

    def _note_work(self, now: float) -> None:
        before, used = self._seen
        if self._process is None or now - before < 0.5:
            return
        try:
            user, system = psutil.Process(self._process.pid).cpu_times()[:2]
        except psutil.Error:  # not swallowed: it has ended, which `code` says
            return
        # Where this program did not look for a while, it knows nothing: the machine may have been asleep.
        if now - before > UNSEEN_S or user + system - used > BUSY * (now - before):
            self._worked = now
        self._seen = (now, user + system)

    def start(self) -> None:
        """Start the process, whose group is its own: Ctrl+C in a terminal reaches this program alone."""
        # Only this machine reaches their ports, so whoever can read the metrics may.
        metrics = "1" if importlib.util.find_spec("prometheus_client") else ""
        environment = {"LMLOUPE_METRICS": metrics, "STREAMLIT_SERVER_COOKIE_SECRET": cookie_secret(cache_folder())}
        environment["LMLOUPE_RESULTS"] = str(cache_folder() / "results")
        paths = [str(REPOSITORY / "inspect"), str(REPOSITORY), os.environ.get("PYTHONPATH", "")]
        environment |= os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
        command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"]
        command += [f"--server.port={self.port}", "--server.address=127.0.0.1", "--server.headless=true"]
        self.began, self._told_to_end = time.monotonic(), 0.0
        self._process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, start_new_session=True)
        if not self._looks.is_alive():
            self._looks.start()
        _log.info("Front end on port %d, process %d.", self.port, self._process.pid)

    def end(self) -> None:
        """Ask it to end; `ended` says when it has."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        self._told_to_end = time.monotonic()

    def ended(self) -> bool:
        """Whether it has ended; what takes too long after `end` is killed."""
        if self._process is None or self._process.poll() is not None:
            return True
        if self._told_to_end and time.monotonic() - self._told_to_end > STOP_S:
            _log.warning("The front end on port %d did not stop in %.0f s and is killed.", self.port, STOP_S)
            self.kill()
        return False

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def let_go(self) -> None:
        """Ask it nothing any more."""
        self._ends.set()

    def sessions(self) -> int:
        """How many tabs are connected to it; 1 where it does not say, for it may be busy with somebody's question."""
        found = re.search(rb"^active_sessions (\d+)", self._ask("/_stcore/metrics"), re.MULTILINE)
        return int(found[1]) if found else 1

    def _look(self) -> None:
        while not self._ends.wait(LOOK_S if self._answered >= self.began else 0.1):
            asked = time.monotonic()
            if self._ask("/_stcore/health"):
                # An answer that came late belongs to the process that was asked.
                self._answered = asked

    def _ask(self, path: str) -> bytes:
        try:
            with _DIRECT.open(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return bytes(answer.read())
        except OSError:
            return b""
