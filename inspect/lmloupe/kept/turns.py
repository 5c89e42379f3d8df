"""Whose turn it is to compute an answer: a lock that the operating system frees when its owner dies."""

from __future__ import annotations

import logging
from pathlib import Path

import filelock

__all__ = ["Turn"]

_log = logging.getLogger(__name__)


class Turn:
    """One question's lock, as one thread sees it; made for each who asks.

    Args:
        path: of the lock file, which is there only while somebody has the turn, or was killed in it.

    Attributes:
        refused: how often somebody else had it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = filelock.FileLock(path, timeout=0, thread_local=False, mode=0o600)
        self.refused = 0

    def take(self) -> bool:
        """Whether the turn is ours now; where files cannot be locked at all everybody has it, and computes."""
        if self._lock.is_locked:
            return True
        try:
            self._lock.acquire()
        except filelock.Timeout:
            self.refused += 1
            return False
        except OSError as error:
            _log.warning("%s cannot be locked, so an answer may be computed twice: %s", self._path, error)
        return True

    def give(self) -> None:
        """Let the next one have it; nothing happens where it is not ours."""
        if not self._lock.is_locked:
            return
        try:
            # While it is ours: who has opened it already sees that it has no name any more, and opens the next one.
            self._path.unlink(missing_ok=True)
        except OSError as error:  # Windows, where an open file keeps its name; `make_room` takes it away
            _log.debug("%s stays: %s", self._path, error)
        self._lock.release()
