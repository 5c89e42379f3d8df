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
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from deploy.ports import free_port

__all__ = ["Proxy", "Target", "configuration"]

TEMPLATE = Path(__file__).with_name("nginx.conf")
STOP_S = 5.0
"""How long what is open at nginx may take to end."""
_ADDRESS = re.compile(r"(?:(?:[\w.-]+|\[[0-9A-Fa-f:.]+\]|\*):)?\d{1,5}")
_log = logging.getLogger("deploy")


@dataclass(frozen=True, slots=True)
class Target:
    """A front end as nginx is to see it.

    Attributes:
        port: of the loopback address.
        open: whether it takes people who are new; the others keep what they have there.
        down: whether it is asked nothing at all, because it does not run.
    """

    port: int
    open: bool = True
    down: bool = False


def configuration(folder: Path, listen: str, targets: Sequence[Target], assets_port: int) -> str:
    """The configuration of nginx, from the template in this folder.

    Args:
        folder: where nginx keeps its files.
        listen: its address and port, or its port alone.
        targets: the front ends, always in the same order: the cookie has their places in it.
        assets_port: of the loopback address, where nginx compresses what it then keeps.

    Raises:
        ValueError: no address that nginx could listen on, or a folder whose name it cannot read.
    """
    if not _ADDRESS.fullmatch(listen):
        raise ValueError(f"--listen is {listen!r}; it must be a port, or an address and a port as in 0.0.0.0:8080.")
    if re.search(r"[\"'\\\n;{}$]", str(folder)):
        raise ValueError(f"nginx cannot read the name of the folder {folder}: choose another one with --folder.")
    # Workers of a master that is root would be nobody, who may not read the folder of another user.
    user = f"user {pwd.getpwuid(os.getuid()).pw_name};" if os.geteuid() == 0 else ""
    if not any(target.open and not target.down for target in targets):
        targets = [replace(target, open=True) for target in targets]
    values = {
        "USER": user,
        "FOLDER": str(folder),
        "LISTEN": listen,
        "ASSETS": str(assets_port),
        "NAMES": _lines(8, (f"{i} front_end_{i};" for i, _ in enumerate(targets, 1))),
        # Where one after another was tried, the last one has answered.
        "ANSWERED": _lines(8, (f'"~:{target.port}$" {i};' for i, target in enumerate(targets, 1))),
        "OPEN": _lines(8, (_server(target, new=True) for target in targets)),
        "UPSTREAMS": _lines(4, (line for i in range(len(targets)) for line in _upstream(i, targets))),
    }
    text = TEMPLATE.read_text("utf-8")
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


def _server(target: Target, *, new: bool = False, backup: bool = False) -> str:
    closed = target.down or ((new or backup) and not target.open)
    how = "down" if closed else "max_fails=1 fail_timeout=2s"
    return f"server 127.0.0.1:{target.port} {how}{' backup' if backup else ''};"


def _upstream(chosen: int, targets: Sequence[Target]) -> list[str]:
    """The front end of a cookie, and the others for when it does not answer."""
    name = f"front_end_{chosen + 1}"
    others = [_server(target, backup=True) for i, target in enumerate(targets) if i != chosen]
    within = [f"zone {name} 64k;", _server(targets[chosen]), *others, "keepalive 16;"]
    return [f"upstream {name} {{", *(f"    {line}" for line in within), "}"]


def _lines(indent: int, lines: Iterable[str]) -> str:
    return ("\n" + " " * indent).join(lines)


class Proxy:
    """nginx with this configuration, started at entry and ended at exit.

    Args:
        folder: where its configuration and files go, and the addresses of the front ends for Prometheus.
        listen: its address and port.
        targets: the front ends.
        runs: whether to run it; else its configuration is written alone.

    Raises:
        ValueError: see `configuration`.
        RuntimeError: nginx is not installed, and it is to be run.
    """

    def __init__(self, folder: Path, listen: str, targets: Sequence[Target], *, runs: bool = True) -> None:
        self._folder, self._runs, self._listen = folder, runs, listen
        self._path = folder / "nginx.conf"
        self._process: subprocess.Popen[bytes] | None = None
        self._written: tuple[Target, ...] = ()
        self._told, self._assets_port = "", free_port()
        self._write(targets)
        ports = [{"targets": [f"127.0.0.1:{target.port}" for target in targets], "labels": {"job": "lmloupe"}}]
        (folder / "prometheus_targets.json").write_text(json.dumps(ports) + "\n", "utf-8")
        self._nginx = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
        if runs and self._nginx is None:
            raise RuntimeError("nginx is not installed: apt-get install nginx-light, or give --no-proxy.")

    def _write(self, targets: Sequence[Target]) -> None:
        self._path.write_text(configuration(self._folder, self._listen, targets, self._assets_port), "utf-8")
        self._written = tuple(targets)

    def update(self, targets: Sequence[Target], up: int) -> None:
        """Have nginx see the front ends so from now on, and tell at ``/_front_ends/health`` how many are up."""
        if self._runs and tuple(targets) != self._written:
            self._write(targets)
            if self._process is not None:
                self._process.send_signal(signal.SIGHUP)  # its workers are replaced, and what is open there stays open
        told = json.dumps({"front_ends": len(targets), "up": up, "open": sum(t.open and not t.down for t in targets)})
        if told == self._told:
            return
        self._told = told
        status = self._folder / "status" / "front_ends.json"
        status.parent.mkdir(exist_ok=True)
        if up:
            new = status.with_suffix(".new")
            new.write_text(told + "\n", "utf-8")
            new.replace(status)
        else:
            status.unlink(missing_ok=True)

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
        if self._process is None:
            return
        if self._process.poll() is not None:
            with suppress(ProcessLookupError):  # workers of a master that was killed keep its port
                os.killpg(self._process.pid, signal.SIGTERM)
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
