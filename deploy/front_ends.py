"""Several front ends that serve the same app: one cookie secret, one cache folder, a free port each.

What they share is in the cache folder: the embedded model's file, ``results``, where what one of them has computed is
read by the others, and ``classes.sqlite3``, so that a class goes on in all of them. That file must be on a disk of this
machine: SQLite's write-ahead log needs shared memory, which no network file system has. A session lives in one process;
the settings of its page are in its link, and go on in another one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from types import TracebackType

from deploy.front_end import START_S, STOP_S, FrontEnd
from deploy.proxy import Target

__all__ = ["STOP_S", "FrontEnds"]

AGAIN_S = 2.0
"""Between two starts of one that ends again and again."""
_log = logging.getLogger("deploy")


class FrontEnds:
    """So many processes, started at entry and ended at exit.

    Args:
        number: how many.
        patience_s: after how long without an answer one is replaced; four times as long where it computes meanwhile.
    """

    def __init__(self, number: int, patience_s: float = 30.0) -> None:
        self._all = tuple(FrontEnd() for _ in range(number))
        self._patience_s = patience_s
        self._restart: Iterator[None] | None = None

    def __enter__(self) -> FrontEnds:
        for one in self._all:
            one.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in self._all:
            one.let_go()
            one.end()
        while any(not one.ended() for one in self._all):
            time.sleep(0.05)

    @property
    def ports(self) -> tuple[int, ...]:
        """Of the loopback address, one each."""
        return tuple(one.port for one in self._all)

    @property
    def targets(self) -> tuple[Target, ...]:
        """How nginx is to see them now."""
        return tuple(Target(one.port, open=one.open, down=one.began > 0 and not one.up) for one in self._all)

    @property
    def n_up(self) -> int:
        """How many answer."""
        return sum(one.up for one in self._all)

    def wait_until_up(self, ends: threading.Event) -> None:
        """Wait until all answer their health check, or until the event is set.

        Raises:
            RuntimeError: one has ended, or did not answer in three minutes.
        """
        for one in self._all:
            while not ends.is_set() and not one.up:
                if one.code is not None:
                    raise RuntimeError(f"The front end on port {one.port} ended with {one.code} before it answered.")
                if one.late():
                    raise RuntimeError(f"The front end on port {one.port} did not answer in {START_S:.0f} s.")
                time.sleep(0.05)

    def keep_up(self) -> None:
        """Start those again that have ended or hang, and go on with a restart; call it now and then."""
        for one in self._all:
            if one.leaving:
                continue
            if one.code is None and one.hangs(self._patience_s):
                _log.warning("The front end on port %d gives no sign of life, and is killed.", one.port)
                one.kill()
            if one.code is not None and time.monotonic() - one.began > AGAIN_S:
                _log.warning("The front end on port %d ended with %d and is started again.", one.port, one.code)
                one.start()
        if self._restart is not None and next(self._restart, self) is self:
            self._restart = None

    def restart(self, wait_s: float) -> None:
        """Have them restarted one after another, by `keep_up`; a restart that goes on begins anew.

        Args:
            wait_s: how long one may wait for its sessions to leave by themselves.
        """
        for one in self._all:
            one.leaving = False  # one that was told to end is started again at once, not when its turn comes
            if one.up:
                one.open = True
        self._restart = self._one_after_another(wait_s)

    def _one_after_another(self, wait_s: float) -> Iterator[None]:
        for one in self._all:
            if any(other.up for other in self._all if other is not one):
                one.open = False
                end = time.monotonic() + wait_s
                while time.monotonic() < end and one.sessions():
                    yield
            one.leaving = True
            yield  # nginx is told before it ends
            one.end()
            while not one.ended():
                yield
            one.start()
            one.leaving = False
            while not one.up:
                if one.code is not None or one.late():
                    _log.error(
                        "The front end on port %d does not come back; the others stay as they are. "
                        "Once it can start, send SIGHUP again.", one.port,
                    )  # fmt: skip
                    return
                yield
            one.open = True
            yield
        _log.info("All front ends were restarted.")
