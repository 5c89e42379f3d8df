"""A look at a cluster from outside, within seconds; Ray itself would try for minutes where it is not let in."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from typing import Any

from lmloupe.cluster.nodes.secret import token, token_path
from lmloupe.errors import ClusterError, ClusterGoneError

__all__ = ["Address", "Seen", "look"]

_LIMIT_S = 5.0
_ALIVE = 0  # GcsNodeInfo.ALIVE


@dataclass(frozen=True, slots=True)
class Address:
    """Where a cluster is.

    Attributes:
        host: a name or a number.
        port: of its head.
    """

    host: str
    port: int

    @classmethod
    def read(cls, written: str) -> Address:
        """``HOST:PORT``, with or without ``ray://``.

        Raises:
            ClusterError: it is none.

        >>> Address.read("ray://[fd00::2]:6379"), str(Address.read("gpu-box:6379"))
        (Address(host='fd00::2', port=6379), 'gpu-box:6379')
        """
        host, _, port = written.strip().removeprefix("ray://").rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ClusterError(f"{written!r} is not the address of a cluster; write HOST:PORT, such as 10.0.0.5:6379.")
        return cls(host, int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it there."""
        return self.number().startswith("127.") or self.number() == "::1"

    def number(self) -> str:
        """The number of the host.

        Raises:
            ClusterGoneError: nobody knows such a host.
        """
        try:
            return str(socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0][4][0])
        except OSError as error:
            raise ClusterGoneError(f"No computer is called {self.host}: look whether it is spelled right.") from error

    @property
    def family(self) -> socket.AddressFamily:
        """Of the number: IPv4 or IPv6."""
        return socket.AF_INET6 if ":" in self.number() else socket.AF_INET

    def listens(self) -> bool:
        """Whether anything listens there."""
        try:
            socket.create_connection((self.host, self.port), 2).close()
        except OSError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Seen:
    """What a cluster says of itself.

    Attributes:
        nodes: hexadecimal ids of the nodes that are alive.
        n_cpus: of all nodes together.
        n_gpus: as well.
    """

    nodes: frozenset[str]
    n_cpus: float
    n_gpus: float


def look(address: Address) -> Seen:
    """Look at a cluster.

    Raises:
        ClusterGoneError: nobody answers there, or no cluster.
        ClusterError: it asks for another token.
    """
    import grpc
    from ray.core.generated import gcs_service_pb2 as messages
    from ray.core.generated import gcs_service_pb2_grpc as services

    if not address.listens():
        raise ClusterGoneError(
            f"No cluster answers at {address} (nothing listens there, or a firewall is between): start one "
            f"on that computer with python -m lmloupe.cluster serve --host {address.host} --port {address.port}, "
            "or open its ports."
        )
    shown = token()
    metadata = [("authorization", f"Bearer {shown}")] if shown else []
    with grpc.insecure_channel(str(address), options=[("grpc.enable_http_proxy", 0)]) as channel:
        asked = services.NodeInfoGcsServiceStub(channel)
        try:
            asked.GetClusterId(messages.GetClusterIdRequest(), timeout=_LIMIT_S, metadata=metadata)
            found: Any = asked.GetAllNodeInfo(messages.GetAllNodeInfoRequest(), timeout=_LIMIT_S, metadata=metadata)
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.UNAUTHENTICATED:
                raise _other_token(address, bool(shown)) from error
            raise ClusterGoneError(
                f"No cluster answers at {address} (what listens there is not one: {error.code().name}): "
                "look whether the port is right, or take another one."
            ) from error
    alive = [node for node in found.node_info_list if node.state == _ALIVE]
    return Seen(
        frozenset(node.node_id.hex() for node in alive),
        sum(node.resources_total.get("CPU", 0.0) for node in alive),
        sum(node.resources_total.get("GPU", 0.0) for node in alive),
    )


def _other_token(address: Address, has_one: bool) -> ClusterError:
    path = token_path()
    if not has_one and "RAY_AUTH_MODE" not in os.environ and path.is_file():
        return ClusterError(f"{path} came after LM Loupe was started here: start it again, to let the token be used.")
    found = f"has another token than {path}" if has_one else f"asks for a token, and {path} is not here"
    return ClusterError(
        f"The cluster at {address} {found}: copy that file from the computer where python -m lmloupe.cluster serve "
        "runs, and start LM Loupe here again."
    )
