"""Questions carried by Ray Serve's handles. Ray is imported where it is used, and nowhere else.

The process that asks is a driver of the cluster: its machine runs a Ray node, which may have no resources to give.
Ray's client protocol, which is what Ray itself calls ``ray://``, would need no node, but carries no streams, which its
makers will not change (issue 43357 of ray-project/ray).
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

from lmloupe.cluster.calls import LostError
from lmloupe.errors import ClusterError, ClusterGoneError, ClusterTimeoutError, ClusterVersionError, NotAvailableError
from lmloupe.wire.packed import Packed

__all__ = ["RAY_VERSION", "RayCalls", "application", "gone", "is_there", "join", "leave", "require_ray"]

RAY_VERSION = "2.60.0"
"""The version that requirements-cluster.txt pins; both sides of a cluster need the same one."""

T = TypeVar("T")
_joining = threading.Lock()
_n_joined = 0  # a handle of an earlier time asks nobody

_LOOK_S = 5.0  # how often to look whether the cluster is there while its answer is waited for, and all the time
_MISSES = 3


def require_ray() -> Any:
    """Ray itself.

    Raises:
        NotAvailableError: it is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise NotAvailableError(
            "A model on a cluster needs Ray, which is not installed: pip install -r requirements-cluster.txt."
        ) from error
    return ray


def application(model: str, quantization: str) -> str:
    """The name of the Serve application of one model in one precision.

    >>> application("smollm2-135m-instruct", "nf4")
    'lmloupe:smollm2-135m-instruct:nf4'
    """
    return f"lmloupe:{model}:{quantization}"


def join(address: str) -> None:
    """Make this process a driver of a cluster; nothing where it is one.

    Args:
        address: ``ray://HOST:PORT`` or ``HOST:PORT``, the port being that of ``ray start --head --port``.

    Raises:
        ClusterGoneError: no cluster there, or this machine has no node of it.
        ClusterVersionError: it has another version of Ray or of Python.
    """
    global _n_joined
    ray = require_ray()
    with _joining:
        if ray.is_initialized():
            return
        where = address.removeprefix("ray://")
        if not is_there(address):  # Ray itself would try for two minutes
            raise gone(where, ConnectionError("nothing listens there"))
        try:
            _n_joined += 1
            ray.init(address=where, log_to_driver=False, configure_logging=False)
        except RuntimeError as error:
            if "ersion" in str(error):
                raise ClusterVersionError(
                    f"The cluster at {where} has another version of Ray or Python than this side, Ray "
                    f"{ray.__version__}: install the same on both."
                ) from error
            raise gone(where, error) from error
        except (ConnectionError, ray.exceptions.RayError) as error:
            raise gone(where, error) from error
        threading.Thread(target=_watch, args=(address, _n_joined), name="lmloupe-watch", daemon=True).start()


def _watch(address: str, joined: int) -> None:
    """Leave a cluster that has gone: Ray ends a process, whatever else it does, whose cluster is away for a minute."""
    ray = require_ray()
    misses = 0
    while misses < _MISSES:
        time.sleep(_LOOK_S)
        if _n_joined != joined or not ray.is_initialized():
            return
        misses = 0 if is_there(address) else misses + 1
    leave()


def is_there(address: str) -> bool:
    """Whether something listens at a cluster's address."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), 2).close()
    except (OSError, ValueError, OverflowError):
        return False
    return True


def leave() -> None:
    """Be no driver any more: the next question joins anew."""
    ray = require_ray()
    with _joining:
        if ray.is_initialized():
            ray.shutdown()


def gone(where: str, error: BaseException) -> ClusterGoneError:
    """What to raise where no cluster answers at ``HOST:PORT``."""
    words = str(error).splitlines()[0] if str(error) else type(error).__name__
    return ClusterGoneError(
        f"No cluster answers at {where} ({words}). Start one there, and on this machine ray start --address={where}."
    )


class RayCalls:
    """The way to the replicas of one Serve application.

    Args:
        address: of the cluster.
        name: of the application.

    Raises:
        ClusterGoneError: no cluster, or no such model on it.
    """

    def __init__(self, address: str, name: str) -> None:
        self._address, self._name = address, name
        self._found: tuple[int, Any] = (-1, None)
        self._told(self._handle)

    def _handle(self) -> Any:
        join(self._address)
        from ray import serve

        if self._found[0] != _n_joined:
            self._found = (_n_joined, serve.get_app_handle(self._name))
        return self._found[1]

    def ask(self, name: str, arguments: Packed, limit_s: float) -> Packed:
        """Ask a question and wait for the answer; see `lmloupe.cluster.calls.Calls`."""

        def asked() -> Packed:
            handle = self._handle()
            response = handle.hello.remote() if name == "hello" else handle.ask.remote(name, arguments)
            until = time.monotonic() + limit_s
            while True:
                left = until - time.monotonic()
                try:
                    return response.result(timeout_s=min(max(left, 0.0), _LOOK_S))
                except TimeoutError:
                    if left <= _LOOK_S or not is_there(self._address):
                        response.cancel()
                        raise

        return self._told(asked)

    def ask_all(self, name: str, arguments: Packed, limit_s: float) -> tuple[Packed, ...]:
        """Ask every replica; see `lmloupe.cluster.calls.Calls`."""

        def asked() -> tuple[Packed, ...]:
            response = self._handle().broadcast("ask", name, arguments)
            answers = response.results(timeout_s=limit_s, return_exceptions=True)
            return tuple(answer for answer in answers if not isinstance(answer, BaseException))

        return self._told(asked)

    def stream(self, name: str, arguments: Packed, skip: int, limit_s: float) -> RayStream:
        """Begin work that is followed; see `lmloupe.cluster.calls.Calls`."""

        def begun() -> Any:
            handle = self._handle().options(stream=True, method_name="stream")
            return handle.remote(name, arguments, skip, limit_s)

        return RayStream(self._told(begun), self._told)

    def _told(self, work: Callable[[], T]) -> T:
        """What Ray says went wrong, as this room says it."""
        ray = require_ray()
        from ray.serve.exceptions import RayServeException

        try:
            return work()
        except ClusterError:
            raise
        except (ray.exceptions.GetTimeoutError, TimeoutError) as error:
            self._look(error)
            raise ClusterTimeoutError("The cluster did not answer in time: ask again, or ask for less.") from error
        except (
            ray.exceptions.RayActorError,
            ray.exceptions.WorkerCrashedError,
            ray.exceptions.NodeDiedError,
            ray.exceptions.ObjectLostError,
        ) as error:
            self._look(error)
            raise LostError(str(error)) from error
        except (RayServeException, ray.exceptions.RaySystemError, ray.exceptions.RpcError, ConnectionError) as error:
            raise ClusterGoneError(
                f"The cluster at {self._address} does not answer for {self._name}: look whether it runs and has this "
                "model."
            ) from error

    def _look(self, error: BaseException) -> None:
        """Say where not a replica but the cluster is gone, so that the next question joins it anew."""
        if not is_there(self._address):
            leave()
            raise gone(self._address.removeprefix("ray://"), error) from error


class RayStream:
    """Messages of a replica through Ray Serve's response generator."""

    def __init__(self, response: Any, told: Callable[[Callable[[], Any]], Any]) -> None:
        self._response, self._told = response, told

    def __iter__(self) -> Iterator[Packed]:
        return self

    def __next__(self) -> Packed:
        from ray.serve.exceptions import RequestCancelledError

        def following() -> tuple[Packed] | None:
            try:
                return (next(self._response),)
            except (StopIteration, RequestCancelledError):
                return None  # what ends a stream; its owner knows whether it had ended

        found = cast("tuple[Packed] | None", self._told(following))
        if found is None:
            raise StopIteration
        return found[0]

    def cancel(self) -> None:
        """Have the replica stop."""
        self._response.cancel()
