"""nginx in front of the front ends: its configuration, and its process."""

from __future__ import annotations

import json
import logging
import os
import pwd
import re
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

__all__ = ["Proxy", "configuration"]

TEMPLATE = Path(__file__).with_name("nginx.conf")
STOP_S = 10.0
_ADDRESS = re.compile(r"(?:(?:[\w.-]+|\[[0-9A-Fa-f:.]+\]|\*):)?\d{1,5}")
_log = logging.getLogger("deploy")


def configuration(folder: Path, listen: str, ports: Sequence[int]) -> str:
    """The configuration of nginx, from the template in this folder.

    Args:
        folder: where nginx keeps its files.
        listen: its address and port, or its port alone.
        ports: of the front ends on the loopback address.

    Raises:
        ValueError: no address that nginx could listen on, or a folder whose name it cannot read.
    """
    if not _ADDRESS.fullmatch(listen):
        raise ValueError(f"--listen is {listen!r}; it must be a port, or an address and a port as in 0.0.0.0:8080.")
    if re.search(r"[\"'\\\n;{}$]", str(folder)):
        raise ValueError(f"nginx cannot read the name of the folder {folder}: choose another one with --folder.")
    # Workers of a master that is root would be nobody, who may not read the folder of another user.
    user = f"user {pwd.getpwuid(os.getuid()).pw_name};" if os.geteuid() == 0 else ""
    servers = "\n".join(f"        server 127.0.0.1:{port} max_fails=1 fail_timeout=2s;" for port in ports)
    text = TEMPLATE.read_text("utf-8")
    for name, value in {"USER": user, "FOLDER": str(folder), "LISTEN": listen, "SERVERS": servers.strip()}.items():
        text = text.replace(f"@{name}@", value)
    return text


class Proxy:
    """nginx with this configuration, started at entry and ended at exit.

    Args:
        folder: where its configuration and files go, and the addresses of the front ends for Prometheus.
        listen: its address and port.
        ports: of the front ends.
        runs: whether to run it; else its configuration is written alone.

    Raises:
        ValueError: see `configuration`.
        RuntimeError: nginx is not installed, and it is to be run.
    """

    def __init__(self, folder: Path, listen: str, ports: Sequence[int], *, runs: bool = True) -> None:
        self._folder, self._runs = folder, runs
        self._path = folder / "nginx.conf"
        self._path.write_text(configuration(folder, listen, ports), "utf-8")
        targets = [{"targets": [f"127.0.0.1:{port}" for port in ports], "labels": {"job": "lmloupe"}}]
        (folder / "prometheus_targets.json").write_text(json.dumps(targets) + "\n", "utf-8")
        self._process: subprocess.Popen[bytes] | None = None
        self._listen = listen
        self._nginx = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
        if runs and self._nginx is None:
            raise RuntimeError("nginx is not installed: apt-get install nginx-light, or give --no-proxy.")

    def __enter__(self) -> Proxy:
        if not self._runs or self._nginx is None:
            _log.info("Wrote %s.", self._path)
            return self
        # The compiled-in error log is opened before the configuration is read, and belongs to root.
        command = [self._nginx, "-e", "stderr", "-p", str(self._folder), "-c", str(self._path), "-g", "daemon off;"]
        self._process = subprocess.Popen(command, start_new_session=True)
        _log.info("nginx listens on %s, process %d.", self._listen, self._process.pid)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGQUIT)  # takes nobody in any more, and lets those go that are there
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.terminate()
            self._process.wait()

    def require_alive(self) -> None:
        """Raise RuntimeError where nginx has ended by itself, as with a port that somebody else has."""
        if self._process is not None and self._process.poll() is not None:
            raise RuntimeError(f"nginx ended with {self._process.returncode}; its last lines say why.")
