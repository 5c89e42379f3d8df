"""What a cluster serves now, how its replicas are shared, and where a cluster is."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast, get_args

from lmloupe.cluster.calls import Calls
from lmloupe.cluster.driver import membership
from lmloupe.cluster.driver.loop import begin, wait
from lmloupe.cluster.messages import Hello
from lmloupe.cluster.ray_calls import application, gone, is_there, join
from lmloupe.cluster.terms.met import Met
from lmloupe.errors import ClusterError, ClusterGoneError, ClusterTimeoutError, InvalidSettingError
from lmloupe.model.architecture.results import Quantization
from lmloupe.model.generation.results import Serving
from lmloupe.wire.packed import pack, unpack

__all__ = ["FORM", "ServedModel", "Shared", "cluster_address", "served_models"]

FORM = "ray://HOST:PORT"
LIMIT_S = 3.0
"""How long the cluster may take to say what it serves: pages wait for it."""
FRESH_S, STALE_S = 1.0, 30.0

T = TypeVar("T")


def cluster_address(text: str) -> str:
    """The address of a cluster, checked for its form alone: nothing is asked.

    Args:
        text: ``ray://HOST:PORT``, the port being that of ``ray start --head --port``. An IPv6 address has brackets.

    Raises:
        InvalidSettingError: it has another form.

    >>> cluster_address(" ray://10.0.0.5:6379 ")
    'ray://10.0.0.5:6379'
    >>> cluster_address("10.0.0.5")
    Traceback (most recent call last):
    lmloupe.InvalidSettingError: '10.0.0.5' is not the address of a cluster: write ray://HOST:PORT, as ray://10.0.0.5:6379.
    """
    found = re.fullmatch(r"ray://([\w.-]+|\[[0-9a-fA-F:]+\]):([0-9]{1,5})/?", text.strip())
    if found is None or not 0 < int(found[2]) < 1 << 16:
        raise InvalidSettingError(f"{text!r} is not the address of a cluster: write {FORM}, as ray://10.0.0.5:6379.")
    return f"ray://{found[1]}:{int(found[2])}"


@dataclass(frozen=True, slots=True)
class ServedModel:
    """One model in one precision on a cluster.

    Attributes:
        model: as it was put there: embedded key, folder or hub id.
        quantization: as it was put there.
        n_replicas: copies of it that answer now.
        status: what Ray Serve calls its state, as ``RUNNING``, ``DEPLOYING``, ``UNHEALTHY`` or ``DEPLOY_FAILED``.
    """

    model: str
    quantization: Quantization
    n_replicas: int
    status: str = "RUNNING"

    @property
    def answers(self) -> bool:
        """Whether it can be asked now."""
        return self.n_replicas > 0


def served_models(address: str) -> tuple[ServedModel, ...]:
    """The models that a cluster has, by name, each in the precisions that it was put there in.

    Args:
        address: as in `lmloupe.connect_engine`.

    Raises:
        NotAvailableError: Ray is not installed.
        ClusterGoneError: no cluster there.
        ClusterVersionError: it has another version of Ray or of Python.
        ClusterTimeoutError: it is there, and does not answer.
    """
    join(address)
    from ray import serve  # not in the thread below, whose time is measured

    where = address.removeprefix("ray://")
    try:
        status = _within(LIMIT_S, serve.status)
    except Exception as error:
        if isinstance(error, ClusterError):
            raise
        if not is_there(address):
            begin(membership.leave(gone(where, error)))  # half a minute, for which nobody waits here
            raise gone(where, error) from error
        if isinstance(error, TimeoutError):
            raise ClusterTimeoutError(
                f"The cluster at {where} does not say what it serves: look whether Ray Serve runs there."
            ) from error
        raise gone(where, error) from error
    found = [_read(name, state) for name, state in status.applications.items()]
    order = get_args(Quantization)
    return tuple(sorted(filter(None, found), key=lambda one: (one.model, order.index(one.quantization))))


def _read(name: str, state: Any) -> ServedModel | None:
    """The model of a Serve application; None for one of somebody else."""
    model, _, quantization = name.removeprefix(application("", "").removesuffix(":")).rpartition(":")
    if not model or application(model, quantization) != name or quantization not in get_args(Quantization):
        return None
    n_replicas = sum(
        n for deployed in state.deployments.values() for kind, n in deployed.replica_states.items() if kind == "RUNNING"
    )
    return ServedModel(model, cast(Quantization, quantization), n_replicas, str(state.status.value))


def _within(limit_s: float, work: Callable[[], T]) -> T:
    """What the work gives, done in a thread that is left alone where it takes longer."""
    found: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            found.append(work())
        except BaseException as error:  # not swallowed: raised below
            failed.append(error)

    thread = threading.Thread(target=run, name="lmloupe-cluster", daemon=True)
    thread.start()
    thread.join(limit_s)
    if failed:
        raise failed[0]
    if not found:
        raise TimeoutError
    return found[0]


class Shared:
    """How the replicas of one model are shared, summed over all; asked at most once a second, whoever asks.

    Args:
        calls: the way to them.
        met: which of them are known; others are not asked.
    """

    def __init__(self, calls: Calls, met: Met) -> None:
        self._calls, self._met = calls, met
        self._lock = threading.Lock()
        self._asks: threading.Thread | None = None
        self._found: tuple[float, Serving | Exception] | None = None

    def now(self) -> Serving:
        """The sum as it is, or was a moment ago: who has asked before never waits, others at most three seconds.

        Raises:
            ClusterError: nobody answers, or not in time.
        """
        with self._lock:
            found = self._found
            age = float("inf") if found is None else time.monotonic() - found[0]
            if age > FRESH_S and self._asks is None:
                self._asks = threading.Thread(target=self._ask, name="lmloupe-serving", daemon=True)
                self._asks.start()
            asks = self._asks
        if age > STALE_S and asks is not None:
            asks.join(LIMIT_S)
            found = self._found if self._found is not found else None
        if found is None:
            raise ClusterTimeoutError("The replicas of the model do not say in time how many write there.")
        if isinstance(found[1], Exception):
            raise found[1].with_traceback(None)
        return found[1]

    def _ask(self) -> None:
        found: Serving | Exception
        try:
            answers = wait(self._calls.ask_all("serving", pack({}), self._met.known, LIMIT_S))
            found = _summed([one for one in map(unpack, answers) if not isinstance(one, Hello)])
        except Exception as error:  # not swallowed: whoever asks next is told
            found = error
        with self._lock:
            self._found, self._asks = (time.monotonic(), found), None


def _summed(all_: Sequence[Serving]) -> Serving:
    if not all_:
        raise ClusterGoneError("No replica of the model answers now: look whether the cluster has one.")
    return Serving(
        n_writing=sum(one.n_writing for one in all_),
        n_waiting=sum(one.n_waiting for one in all_),
        most=sum(one.most for one in all_),
        batched=all(one.batched for one in all_),
        reason=next((one.reason for one in all_ if one.reason), ""),
        n_written=sum(one.n_written for one in all_),
        n_replicas=len(all_),
    )
