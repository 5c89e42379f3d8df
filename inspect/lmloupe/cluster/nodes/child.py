"""A Ray node as a process of its own: ``python -m lmloupe.cluster.nodes.child SETTINGS``, started by ``process``.

Ray's own ``ray start`` turns a loopback address into one that others reach, and always opens a port of its client
protocol; this does neither. The process prints one line when it is up, and ends its node when it is told to (SIGTERM),
when its standard input ends, or when nobody holds the file of its users any more.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from lmloupe.cluster.nodes.users import nobody_uses

__all__ = ["main"]

_UNUSED_S = 30.0
_SEEN_S = 100.0


def main(settings: dict[str, Any]) -> None:
    """Start a node, and stay until it is to end."""
    from ray._private import services
    from ray._private.node import Node
    from ray._private.parameter import RayParams

    services.get_node = _patient(services.get_node)

    users, waits_for_input = settings.pop("users"), settings.pop("waits_for_input")
    is_head, port = settings.pop("is_head"), settings.pop("port")
    given = RayParams(include_dashboard=False, include_log_monitor=False, **settings)
    if is_head:
        given.gcs_server_port = port
    node = Node(given, head=is_head, shutdown_at_exit=True, spawn_reaper=True)
    print(json.dumps({"address": node.address, "pids": _pids(node)}), flush=True)
    if waits_for_input:
        threading.Thread(target=_end_with_input, daemon=True).start()
    unused_since = time.monotonic()
    while not node.dead_processes():
        time.sleep(0.5)
        if users is None or not nobody_uses(users):
            unused_since = time.monotonic()
        elif time.monotonic() - unused_since > _UNUSED_S:
            return  # Ray's own hook ends the node
    raise SystemExit(1)


def _patient(get_node: Callable[..., Any]) -> Callable[..., Any]:
    """Ray gives a node 30 seconds to be seen by its cluster, which a machine with much to do does not keep."""

    def asked(*args: Any) -> Any:
        until = time.monotonic() + _SEEN_S
        while True:
            try:
                return get_node(*args)
            except RuntimeError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.5)

    return asked


def _pids(node: Any) -> list[int]:
    return [one.process.pid for kind in node.all_processes.values() for one in kind]


def _end_with_input() -> None:
    while sys.stdin.buffer.read(1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
