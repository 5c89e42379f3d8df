"""A machine as one of a cluster: a process that asks needs a node beside it, which may have nothing to give."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path
from typing import Any

import filelock

from lmloupe.cluster.nodes.look import Address, look
from lmloupe.cluster.nodes.process import RayNode, Room
from lmloupe.cluster.nodes.users import hold
from lmloupe.loading.embedded_model.cache import cache_folder

__all__ = ["own_number", "ready", "stay_on_loopback"]

_OBJECT_BYTES = 256 << 20  # answers on their way to the pages
_held: dict[Path, int] = {}


def ready(written: str) -> None:
    """Have a node of a cluster on this machine: the one that is there, else one without CPUs, started here.

    All front ends of a machine share it. It ends half a minute after the last of them has.

    Args:
        written: address of the cluster.

    Raises:
        ClusterGoneError: nobody answers there.
        ClusterError: it asks for another token, or no node could be started.
    """
    address = Address.read(written)
    stay_on_loopback(address)
    folder = cache_folder() / "cluster"
    folder.mkdir(parents=True, exist_ok=True)
    users = folder / f"{address.number().replace(':', '-')}-{address.port}.users"
    with filelock.FileLock(users.with_suffix(".lock"), timeout=150):
        if users not in _held:
            _held[users] = hold(users)
        if not look(address).nodes & _nodes_of_this_machine():
            room = Room(cpus=0, gpus=0, object_bytes=_OBJECT_BYTES)
            RayNode(own_number(address), address, room=room, users=users).detach()


def own_number(address: Address) -> str:
    """The number by which this machine is seen from a cluster."""
    if address.is_loopback:
        return address.number()
    with socket.socket(address.family, socket.SOCK_DGRAM) as probe:
        probe.connect((address.number(), address.port))  # sends nothing
        return str(probe.getsockname()[0])


def stay_on_loopback(address: Address) -> None:
    """Have Ray take a loopback address as it is: by itself it takes the one that other machines see."""
    from ray._private import ray_constants

    loops = address.is_loopback and not Address(_seen_number(), address.port).listens()
    ray_constants.ENABLE_RAY_CLUSTER = not loops


def _seen_number() -> str:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 80))
        return str(probe.getsockname()[0])
    return "127.0.0.1"


def _nodes_of_this_machine() -> set[str]:
    from ray._private import services

    found: Any = services.find_node_ids()
    return {str(one) for one in found}
