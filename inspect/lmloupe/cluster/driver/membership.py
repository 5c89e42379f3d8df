"""Whether this process belongs to a cluster. It joins one, sees it go, leaves it, and joins again when asked to.

A driver whose cluster is gone is ended by Ray itself after a minute (``gcs_rpc_server_reconnect_timeout_s``), and with
it all pages. So a member looks every few seconds whether its cluster is there, and leaves where it is not.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lmloupe.cluster.nodes.here import ready
from lmloupe.cluster.nodes.look import Address
from lmloupe.cluster.nodes.secret import use_token
from lmloupe.errors import ClusterError, ClusterGoneError, ClusterVersionError, NotAvailableError

__all__ = ["LOOK_S", "MISSED", "Member", "gone", "handles_of", "is_there", "leave", "member", "require_ray"]

LOOK_S, MISSED = 2.0, 3
"""Seconds between two looks whether the cluster is there, and how many in a row must find nobody before it is left."""

_JOIN_LIMIT_S = 60.0  # starting a node here takes ten seconds, on a busy machine more

_PATIENCE = "RAY_gcs_rpc_server_reconnect_timeout_s"
_LOOPBACK = "127.0.0.1"


class Member:
    """A process while it belongs to a cluster. Used on the loop alone.

    Attributes:
        where: ``HOST:PORT`` of the cluster, as it was asked for.
        left: done as soon as this process is no member any more, with why.
        handles: of the applications that were asked, by name.
    """

    def __init__(self, where: str, node: str) -> None:
        self.where, self.handles = where, dict[str, Any]()
        self.left: asyncio.Future[ClusterGoneError] = asyncio.get_running_loop().create_future()
        self._node = node

    def missed(self) -> ClusterGoneError | None:
        """What of the cluster is not there: its head, or the node of this machine."""
        if not is_there(self.where):
            return gone(self.where, "nothing listens there any more")
        if not is_there(self._node):
            return ClusterGoneError(
                f"The node by which this machine belongs to the cluster at {self.where} has ended: ask again, which "
                "starts another one."
            )
        return None


_now: Member | None = None
_joining: dict[str, asyncio.Task[Member]] = {}
_leaving: asyncio.Task[None] | None = None
_watches: set[asyncio.Task[None]] = set()  # a loop holds its tasks weakly


def require_ray() -> Any:
    """Ray itself.

    Raises:
        NotAvailableError: it is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # How many questions wait is told every second, so that another replica comes while they still do.
    os.environ.setdefault("RAY_SERVE_HANDLE_AUTOSCALING_METRIC_PUSH_INTERVAL_S", "1")
    # Ray ends a process whose node has gone, or what it takes for that: where this is not set it looks whether the
    # parent is process 1, which is so of every service. A front end has to stay without a cluster: it is its own.
    os.environ.setdefault("RAY_RAYLET_PID", str(os.getpid()))
    # A handle of a cluster that was left, as it is let go, would have Ray start one of its own in this process.
    os.environ.setdefault("RAY_ENABLE_AUTO_CONNECT", "0")
    os.environ.setdefault("RAY_SERVE_LOG_TO_STDERR", "0")  # its replicas write into files
    use_token()
    try:
        with _patient():
            import ray
    except ImportError as error:
        raise NotAvailableError(
            "A model on a cluster needs Ray, which is not installed: pip install -r requirements-cluster.txt."
        ) from error
    return ray


@contextmanager
def _patient() -> Iterator[None]:
    """Have Ray, as it is read first, not end this process where it leaves a cluster that is not there for a minute.

    Its own processes, which inherit the environment, end all the same.
    """
    if "ray" in sys.modules or _PATIENCE in os.environ:
        yield
        return
    os.environ[_PATIENCE] = str(10**6)
    try:
        yield
        sys.modules["ray"]._raylet.Config.py_gcs_connect_timeout_s()  # reads all of them
    finally:
        del os.environ[_PATIENCE]


def is_there(address: str) -> bool:
    """Whether something listens at an address, ``HOST:PORT`` with or without ``ray://``."""
    try:
        return Address.read(address).listens()
    except ClusterError:  # what is no address has nobody
        return False


def gone(where: str, why: str | BaseException) -> ClusterGoneError:
    """What to raise where no cluster answers at ``HOST:PORT``."""
    if isinstance(why, BaseException):
        why = str(why).splitlines()[0].rstrip(".") if str(why) else type(why).__name__
    host, _, port = where.rpartition(":")
    return ClusterGoneError(
        f"No cluster answers at {where} ({why}). Start it there, with python -m lmloupe.cluster serve "
        f"--host {host.strip('[]')} --port {port}, or ask whoever runs it."
    )


async def member(address: str) -> Member:
    """Be a member of a cluster, which this process joins where it is none.

    Args:
        address: ``ray://HOST:PORT`` or ``HOST:PORT``, the port being that of ``ray start --head --port``.

    Raises:
        ClusterError: it belongs to another cluster; a process can belong to one.
        ClusterGoneError: no cluster there, or this machine has no node of it.
        ClusterVersionError: it has another version of Ray or of Python.
    """
    where = address.removeprefix("ray://")
    if _now is not None and _now.where == where and require_ray().is_initialized():
        return _now
    if where not in _joining:
        task = _joining[where] = asyncio.create_task(_join(where))
        task.add_done_callback(lambda _: _joining.pop(where))
    task = _joining[where]
    await asyncio.wait({task}, timeout=_JOIN_LIMIT_S)  # whoever is cancelled here leaves it to the others
    if not task.done():
        raise ClusterGoneError(
            f"These pages could not join the cluster at {where} within {_JOIN_LIMIT_S:.0f} s: ask again, or look "
            "whether a firewall stands between it and this machine."
        )
    return task.result()


def handles_of(address: str, name: str) -> Any | None:
    """The handles of an application, if this process is a member of that cluster now and has asked it already."""
    return _now.handles.get(name) if _now is not None and _now.where == address.removeprefix("ray://") else None


async def leave(why: ClusterGoneError | None = None) -> None:
    """Be no member any more; the next question joins anew. Whoever waits for an answer is told why."""
    await _leave(why or ClusterGoneError("These pages have left their cluster: ask again."))


async def _leave(why: ClusterGoneError) -> None:
    global _now, _leaving
    if _now is not None:
        _now.left.set_result(why)
        _now = None
    if _leaving is None:
        _leaving = asyncio.create_task(asyncio.to_thread(_shut_down))
        _leaving.add_done_callback(_has_left)
    await asyncio.shield(_leaving)


def _has_left(_: asyncio.Task[None]) -> None:
    global _leaving
    _leaving = None


async def _join(where: str) -> Member:
    global _now
    if _leaving is not None:  # Ray takes half a minute to leave a cluster that is not there
        if not await asyncio.to_thread(is_there, where):
            raise gone(where, "nothing listens there")
        await asyncio.wait({_leaving})
    if _now is not None and not require_ray().is_initialized():  # somebody else has left
        await _leave(gone(_now.where, "this process has left it"))
    node = await asyncio.to_thread(_enter, where)
    if _now is None or _now.where != where:
        _now = Member(where, node)
        task = asyncio.create_task(_watch(_now))
        _watches.add(task)
        task.add_done_callback(_watches.discard)
    return _now


async def _watch(watched: Member) -> None:
    n_missed = 0
    while watched is _now:
        await asyncio.sleep(LOOK_S)
        try:
            why = await asyncio.to_thread(watched.missed)
        except RuntimeError:  # the program ends: Python starts no more threads
            return
        n_missed = 0 if why is None else n_missed + 1
        if why is not None and n_missed >= MISSED and watched is _now:
            await _leave(why)


def _shut_down() -> None:
    ray = require_ray()
    if ray.is_initialized():
        from ray.serve.context import _set_global_client

        # Serve keeps its controller for as long as the number of the job is the same; that of another cluster may be.
        _set_global_client(None)
        worker = ray._private.worker.global_worker
        worker.core_worker = _Ending(worker.core_worker)
        ray.shutdown()


class _Ending:
    """Ray's core, as itself until it is told to end, and from then on nobody's.

    A handle that is let go meanwhile, in whatever thread, would reach for it, and a core that has ended ends the
    process at once (``CoreWorkerProcess::EnsureInitialized``): all pages with it.
    """

    def __init__(self, core: Any) -> None:
        self._core, self._ends = core, False

    def __getattr__(self, name: str) -> Any:
        if not self._ends:
            return getattr(self._core, name)
        if name.endswith(("_reference", "_ref_stream")):
            return lambda *_: None  # what they count ends with it
        raise AttributeError(name)

    def shutdown_driver(self) -> None:
        self._ends = True
        self._core.shutdown_driver()


def _enter(where: str) -> str:
    """Join, and give the address of this machine's node."""
    ray = require_ray()
    if ray.is_initialized():
        at = ray.get_runtime_context().gcs_address
        if not _same(where, at, ray.util.get_node_ip_address()):
            raise ClusterError(f"This program belongs to the cluster at {at}, so it cannot ask the one at {where} too.")
        return _node(ray)
    if not is_there(where):  # Ray itself would try for two minutes
        raise gone(where, "nothing listens there")
    try:
        ready(where)
        ray.init(address=where, log_to_driver=False, configure_logging=False)
        return _node(ray)
    except (RuntimeError, OSError, ValueError, ray.exceptions.RayError) as error:
        _shut_down()
        raise _refused(where, error) from error


def _refused(where: str, error: Exception) -> ClusterError:
    """What Ray says where it does not let this process join, as this library says it."""
    words = str(error)
    ray = require_ray()
    if words.startswith("Version mismatch"):  # ray._private.utils.check_version_info, which compares both
        theirs = [line.strip() for line in words.splitlines() if line.strip().startswith(("Ray:", "Python:"))]
        return ClusterVersionError(
            f"The cluster at {where} has {', '.join(theirs[:2])}, and these pages have {', '.join(theirs[2:])}: "
            "install the same on both."
        )
    if isinstance(error, ray.exceptions.AuthenticationError):
        return ClusterError(
            f"The cluster at {where} asks for its token: set RAY_AUTH_MODE=token here, and RAY_AUTH_TOKEN_PATH to a "
            "file with the same token as there."
        )
    return gone(where, error)


def _node(ray: Any) -> str:
    own = ray.get_runtime_context().get_node_id()
    node = next(node for node in ray.nodes() if node["NodeID"] == own)
    return f"{node['NodeManagerAddress']}:{node['NodeManagerPort']}"


def _same(asked: str, joined: str, own: str) -> bool:
    """Whether two addresses are those of one cluster; a machine's own address is that of its loopback too."""
    (host, _, port), (known, _, known_port) = asked.rpartition(":"), joined.rpartition(":")
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host.strip("[]"), None)}
    except OSError:
        return False
    return port == known_port and (known in found or (known == own and _LOOPBACK in found))
