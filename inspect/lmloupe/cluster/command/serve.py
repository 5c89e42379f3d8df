"""Models on a cluster until somebody says stop; and a machine in a cluster until somebody says stop."""

from __future__ import annotations

import logging
import signal
import socket
import threading
import warnings
from contextlib import ExitStack
from types import FrameType
from typing import Any

from lmloupe.cluster.command.arguments import Join, Serve
from lmloupe.cluster.deploy import remove_model, serve_model
from lmloupe.cluster.nodes.here import own_number, ready, stay_on_loopback
from lmloupe.cluster.nodes.look import Address, look
from lmloupe.cluster.nodes.process import N_PORTS, RayNode, Room
from lmloupe.cluster.nodes.secret import make_token, token_path, use_token
from lmloupe.cluster.ray_calls import application, join, require_ray
from lmloupe.errors import ClusterError, ClusterGoneError
from lmloupe.model.architecture.results import Device

__all__ = ["give", "serve"]

_log = logging.getLogger("lmloupe.cluster")


class _Stopped(BaseException):
    """A signal came while something was being started."""


class _Signals:
    """SIGTERM and Ctrl+C: while something starts they break it off, and then they end the wait. Once only."""

    def __init__(self) -> None:
        self._told = threading.Event()
        self._waits = False
        self.take()

    def take(self) -> None:
        """Be who hears of them; Ray takes them to itself where a process joins a cluster."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._hear)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self._told.is_set():
            return
        self._told.set()
        if not self._waits:
            raise _Stopped

    def wait(self, node: RayNode | None) -> None:
        """Wait for one of them.

        Raises:
            ClusterGoneError: the node has ended.
        """
        self._waits = True
        while not self._told.wait(1.0):
            if node is not None and node.ended:
                raise ClusterGoneError(
                    "Ray has ended here: its cluster is gone, or its own log says why; start this command again."
                )


def serve(asked: Serve) -> None:
    """Start or find the cluster, put the models on it, wait for a signal, and end all of that again.

    Raises:
        LoupeError: something of it cannot be.
    """
    make_token()
    use_token()
    ray = _ray()
    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    address = Address(asked.host, asked.port)
    _require_own(address)
    signals = _Signals()
    with ExitStack() as until_stopped:
        try:
            node = _head(asked, address, until_stopped)
            until_stopped.callback(ray.shutdown)
            stay_on_loopback(address)
            join(str(address))
            signals.take()
            seen = look(address)
            _say_what_is_missing(asked, seen.n_cpus, seen.n_gpus)
            served = _put(asked, until_stopped)
            _say_where(address, served)
            signals.wait(node)
        except _Stopped:
            pass
        _log.info("Stops: no new questions; those that run get %g s.", asked.drain_s)


def _head(asked: Serve, address: Address, until_stopped: ExitStack) -> RayNode | None:
    """The head, where none runs there yet."""
    if address.listens():
        ready(str(address))
        _log.info("A cluster runs at %s already, and goes on when this command ends.", address)
        return None
    room = _room(asked.node_cpus, None, asked.object_mb)
    node = until_stopped.enter_context(RayNode(address.number(), first_port=asked.port, room=room))
    until = asked.port + N_PORTS - 1
    _log.info("Started a cluster at %s, ports %d to %d.", address, asked.port, until)
    return node


def _put(asked: Serve, until_stopped: ExitStack) -> list[str]:
    device: Device = asked.device  # type: ignore[assignment]  # one of the parser's choices
    names = []
    for model in asked.models:
        _log.info("Loads %s, precision %s.", model.name, model.quantization)
        until_stopped.callback(remove_model, application(model.name, model.quantization))
        names.append(
            serve_model(
                model.name,
                model.quantization,
                device,
                least=asked.least,
                most=asked.most,
                cpus=asked.cpus,
                gpus=asked.gpus,
                drain_s=asked.drain_s,
            )
        )
    return names


def _say_what_is_missing(asked: Serve, n_cpus: float, n_gpus: float) -> None:
    replicas = asked.least * len(asked.models)
    for kind, needed, there in (("CPUs", asked.cpus * replicas, n_cpus), ("GPUs", asked.gpus * replicas, n_gpus)):
        if needed > there:
            _log.warning(
                "Replicas need %g %s in all and the cluster has %g: what does not fit waits until a machine joins.",
                needed,
                kind,
                there,
            )


def _say_where(address: Address, served: list[str]) -> None:
    _log.info("Ready: %s.", ", ".join(name.removeprefix("lmloupe:") for name in served))
    _log.info("The token is in %s; each machine of the cluster needs a copy there.", token_path())
    _log.info("A machine more: python -m lmloupe.cluster join %s", address)
    _log.info("The pages: LMLOUPE_ENGINE=ray://%s streamlit run streamlit_app.py", address)


def give(asked: Join) -> None:
    """Have this machine in a cluster until a signal comes.

    Raises:
        LoupeError: nobody answers there, or Ray did not start.
    """
    use_token()
    _ray()
    look(asked.address)
    host = asked.host or own_number(asked.address)
    signals = _Signals()
    try:
        with RayNode(
            host,
            asked.address,
            first_port=asked.first_port,
            room=_room(asked.cpus, asked.gpus, asked.object_mb),
            drain_s=asked.drain_s,
        ) as node:
            until = asked.first_port + N_PORTS - 1
            _log.info("%s is in the cluster at %s, ports %d to %d.", host, asked.address, asked.first_port, until)
            signals.wait(node)
            _log.info("Leaves: its replicas get %g s.", asked.drain_s)
    except _Stopped:
        pass


def _room(cpus: int | None, gpus: int | None, object_mb: int | None) -> Room:
    return Room(cpus, gpus, None if object_mb is None else object_mb << 20)


def _ray() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's own modules use what pydantic calls deprecated
        return require_ray()


def _require_own(address: Address) -> None:
    """Refuse a number that this machine does not have, where nothing listens."""
    if address.listens():
        return
    with socket.socket(address.family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((address.number(), 0))
        except OSError as error:
            raise ClusterError(
                f"{address.host} is not an IP address of this machine, and no cluster listens at {address}: "
                "give one of its own to --host."
            ) from error
