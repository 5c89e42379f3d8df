"""Ray nodes that this machine starts, as processes with a folder for what they write, ended by their ids alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, cast

import psutil  # type: ignore[import-untyped]

import lmloupe
from lmloupe.cluster.nodes.look import Address
from lmloupe.errors import ClusterError

__all__ = ["N_PORTS", "RayNode", "Room", "ports"]

N_PORTS = 120
"""A node listens on ports of one range, which a firewall opens: the first is the cluster's, on its head."""

_START_S = 120.0
_END_S = 15.0


@dataclass(frozen=True, slots=True)
class Room:
    """What a node has to give to replicas.

    Attributes:
        cpus: as many as the machine has where it is None.
        gpus: those that Ray finds where it is None.
        object_bytes: of shared memory for answers on their way; Ray's own choice (30% of the memory) where it is None.
    """

    cpus: int | None = None
    gpus: int | None = None
    object_bytes: int | None = None


def ports(first: int | None) -> dict[str, int]:
    """The ports of a node by the names of Ray's settings, out of `N_PORTS` from ``first``; any free ones for None."""
    if first is None:
        return {}
    names = ("node_manager_port", "object_manager_port", "runtime_env_agent_port", "metrics_agent_port")
    found = {name: first + 1 + i for i, name in enumerate((*names, "metrics_export_port"))}
    return {**found, "min_worker_port": first + 10, "max_worker_port": first + N_PORTS - 1}


class RayNode:
    """A node, started at once; use it in a ``with`` block, or `detached`.

    Args:
        host: the number of this machine that the node listens on; 127.0.0.1 lets nobody else in.
        head: the cluster to join, None for the head of a new one.
        first_port: of its range; see `ports`.
        room: what it has to give.
        drain_s: seconds that its replicas get to end or to move when it is told to end.
        users: a file; it ends when no process holds it. It lives on when this process ends then.

    Raises:
        ClusterError: it did not come up.
    """

    def __init__(
        self,
        host: str,
        head: Address | None = None,
        *,
        first_port: int | None = None,
        room: Room = Room(),
        drain_s: float = 0.0,
        users: Path | None = None,
    ) -> None:
        settings: dict[str, Any] = {
            "node_ip_address": host,
            "num_cpus": room.cpus,
            "num_gpus": room.gpus,
            "object_store_memory": room.object_bytes,
            "gcs_address": None if head is None else f"{head.number()}:{head.port}",
            "temp_dir": tempfile.gettempdir() + "/" + f"lmloupe-ray-{os.getuid()}",
            "is_head": head is None,
            "port": first_port,
            "users": None if users is None else str(users),
            "waits_for_input": users is None,
            **ports(first_port),
        }
        self._log = Path(settings["temp_dir"]) / f"node-{os.getpid()}-{time.time_ns()}.log"
        self._log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        command = [sys.executable, "-W", "ignore", "-m", "lmloupe.cluster.nodes.child", json.dumps(settings)]
        with self._log.open("wb") as log:
            # A group of its own: Ctrl+C in a terminal reaches the command alone, which ends the node in order.
            self._process = subprocess.Popen(  # noqa: S603
                command,
                env=_environment(drain_s),
                stdin=subprocess.DEVNULL if users else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        self._drain_s = drain_s
        try:
            self.pids = self._started(cast(IO[bytes], self._process.stdout))
        except BaseException:  # a signal too: nobody else knows of it yet
            self.close()
            raise

    def _started(self, said: IO[bytes]) -> tuple[int, ...]:
        import select

        until = time.monotonic() + _START_S
        while not select.select([said], [], [], 0.2)[0]:
            if time.monotonic() > until or self._process.poll() is not None:
                break
        else:
            line = said.readline()
            if line:
                return (self._process.pid, *json.loads(line)["pids"])
        self.close()  # what it has said is whole then
        words = [line for line in self._log.read_text("utf-8", "replace").splitlines() if line.strip()]
        raise ClusterError(
            f"Ray did not start ({words[-1][:200] if words else 'it said nothing'}): look at {self._log}."
        )

    def __enter__(self) -> RayNode:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def close(self) -> None:
        """End it and all processes that it has started."""
        known = _descendants(self._process.pid)
        self._process.terminate()
        try:
            self._process.wait(self._drain_s + _END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        left = [one for one in known if one.is_running()]
        for one in left:
            one.terminate()
        for one in psutil.wait_procs(left, 5)[1]:
            one.kill()

    def detach(self) -> None:
        """Leave it to its users."""
        if self._process.stdout is not None:
            self._process.stdout.close()


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return list(psutil.Process(pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def _environment(drain_s: float) -> dict[str, str]:
    source = Path(lmloupe.__file__).parents[1]
    paths = [str(source), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": f"{drain_s:g}",
        # Every second how many questions a replica has, so that another one comes while they still wait.
        "RAY_SERVE_REPLICA_AUTOSCALING_METRIC_PUSH_INTERVAL_S": "1",
        "RAY_SERVE_HANDLE_AUTOSCALING_METRIC_PUSH_INTERVAL_S": "1",
    }
