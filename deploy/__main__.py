"""Several front ends behind one address: ``python -m deploy --number 3 --listen 127.0.0.1:8080``.

It stays until SIGTERM or Ctrl+C, and then ends all that it has started. SIGHUP restarts the front ends one after
another. docs/deploy.md says when this is of use.
"""

from __future__ import annotations

import argparse
import logging
import math
import signal
import threading
from pathlib import Path

from deploy.alone import alone
from deploy.front_ends import FrontEnds
from deploy.proxy import Proxy
from lmloupe import cache_folder
from ui.cluster.address import check_address

LOOP_S = 0.25
"""Between two looks at the front ends."""


def main() -> None:
    """Start, wait for a signal, stop."""
    ask = argparse.ArgumentParser(prog="python -m deploy", description=__doc__)
    ask.add_argument(
        "--number", type=int, default=2, help="how many front ends, 2 by default; each is a process with its own models"
    )
    ask.add_argument(
        "--listen",
        default="127.0.0.1:8080",
        help="address and port of nginx, 127.0.0.1:8080 by default; 0.0.0.0:8080 for the whole network",
    )
    ask.add_argument("--no-proxy", action="store_true", help="write nginx.conf, and leave nginx to somebody else")
    ask.add_argument(
        "--folder",
        type=Path,
        default=cache_folder() / "front_ends",
        help="of nginx.conf and its files; front_ends in the cache folder by default",
    )
    ask.add_argument(
        "--wait", type=float, default=60.0, metavar="SECONDS",
        help="at SIGHUP: how long a front end waits for its sessions to leave before it is restarted; 60 by default",
    )  # fmt: skip
    ask.add_argument(
        "--patience", type=float, default=30.0, metavar="SECONDS",
        help="after how long without an answer a front end is replaced, if it does not compute; 30 by default",
    )  # fmt: skip
    given = ask.parse_args()
    if given.number < 1:
        ask.error(f"--number is {given.number}; it must be at least 1.")
    if not 2 <= given.patience < math.inf or not 0 <= given.wait < math.inf:
        ask.error("--patience must be at least 2 seconds, and --wait at least 0.")
    check_address()  # said once here, not by every front end; they inherit the environment
    logging.basicConfig(level=logging.INFO, format="%(asctime)s deploy: %(message)s")

    ends, again = threading.Event(), threading.Event()
    signal.signal(signal.SIGHUP, lambda *_: again.set())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ends.set())
    try:
        with alone(given.folder):
            _serve(given, ends, again)
    except OSError as error:
        where = error.filename or given.folder
        raise SystemExit(
            f"deploy: {where} cannot be written ({error.strerror or error}). Choose a folder of the account that runs "
            "this with --folder, and the cache folder with LMLOUPE_CACHE."
        ) from error
    except (RuntimeError, ValueError) as error:
        raise SystemExit(f"deploy: {error}") from error


def _serve(given: argparse.Namespace, ends: threading.Event, again: threading.Event) -> None:
    """Start all, and stay until `ends` is set."""
    front_ends = FrontEnds(given.number, given.patience)
    proxy = Proxy(given.folder.resolve(), given.listen, front_ends.targets, runs=not given.no_proxy)
    with front_ends:
        front_ends.wait_until_up(ends)
        with proxy:
            while not ends.wait(LOOP_S):
                if again.is_set():
                    again.clear()
                    front_ends.restart(given.wait)
                front_ends.keep_up()
                proxy.update(front_ends.targets, front_ends.n_up)
                proxy.require_alive()


if __name__ == "__main__":
    main()
