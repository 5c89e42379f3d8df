"""Real clusters on this machine for the tests that need one; skipped with the reason where Ray is not installed.

One serves all tests of a session. It is a process of its own, as in life: this one joins it and may leave it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import pytest

import lmloupe as lm
from lmloupe.cluster.driver import membership

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",  # no token in anybody's home
    "RAY_SERVE_HANDLE_AUTOSCALING_METRIC_PUSH_INTERVAL_S": "0.5",  # as the library, and sooner
    "PYTHONPATH": os.pathsep.join([str(ROOT / "inspect"), str(ROOT)]),
}


def require_ray() -> None:
    """Skip where Ray is not installed; where ``CI`` is set that fails."""
    if importlib.util.find_spec("ray") is None:
        words = "Ray is not installed: pip install -r requirements-cluster.txt"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    os.environ.update({name: value for name, value in ENVIRONMENT.items() if name.startswith("RAY_")})
    with warnings.catch_warnings():  # Ray's modules use what pydantic calls deprecated
        warnings.simplefilter("ignore")
        membership.require_ray()  # before anything imports Ray itself, which reads some of its environment then
        import ray.serve  # noqa: F401


class Cluster:
    """A head of its own, on a free port or the one that is asked for; `stop` ends it, `kill` as a crash does.

    Attributes:
        port: of its address.
        address: for `lmloupe.connect_engine`.
    """

    def __init__(self, port: int = 0) -> None:
        require_ray()
        self.port = port or free_port()
        self.address = f"ray://127.0.0.1:{self.port}"
        self._folder = tempfile.mkdtemp(prefix="lmr")  # short, because the paths of sockets are
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.ray_head", self._folder],
            cwd=ROOT,
            env=os.environ | ENVIRONMENT | {"RAY_GCS_SERVER_PORT": str(self.port)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        self._read("CLUSTER")

    def _read(self, wanted: str) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.strip() == wanted:
                return
        raise AssertionError(f"the head ended before it said {wanted}")

    def tell(self, **asked: Any) -> None:
        """Have it put a model on itself (the arguments of `serve_model`), a stub, or take one away."""
        assert self._process.stdin is not None
        print(json.dumps(asked), file=self._process.stdin, flush=True)
        self._read("DONE")

    def pids(self) -> set[int]:
        """All processes of it."""
        found = set()
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if os.getsid(int(folder.name)) == self._process.pid:
                    found.add(int(folder.name))
            except ProcessLookupError:
                continue
        return found

    def kill(self) -> None:
        """End all of it at once, as a power cut does."""
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)
        self._ended()

    def stop(self) -> None:
        """End it in good order, and leave no process and no file."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(30)
        self.kill()

    def _ended(self) -> None:
        self._process.wait(30)
        assert self._process.stdout is not None
        assert self._process.stdin is not None
        self._process.stdout.close()
        self._process.stdin.close()
        shutil.rmtree(self._folder, ignore_errors=True)


_shared: list[Cluster] = []


def shared(request: pytest.FixtureRequest) -> Cluster:
    """The cluster of this session."""
    require_ray()
    if not _shared:
        _shared.append(Cluster())
        request.config.add_cleanup(_end)
    return _shared[0]


def _end() -> None:
    leave()
    _shared.pop().stop()


def leave() -> None:
    """Have this process belong to no cluster, so that it may join another one."""
    from lmloupe.cluster.driver import loop, membership

    loop.wait(membership.leave())


def served_engine(request: pytest.FixtureRequest, folder: Path, replicas: int = 1) -> lm.Engine:
    """The engine of a model that the session's cluster serves."""
    cluster = shared(request)
    cluster.tell(model=str(folder), device="cpu", least=replicas, cpus=0.5)
    return lm.connect_engine(cluster.address, str(folder))


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
