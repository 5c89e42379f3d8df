"""What all parts of the store of classes share: the file, the clock, and whether a class is running."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from ui.learn.classes.store import records
from ui.learn.classes.store.answers import ClassError, Classroom
from ui.learn.classes.store.database import Database

__all__ = ["KEPT_S", "Common"]

KEPT_S = 7 * 24 * 3600
"""How long a class can still be exported after its end; then it is swept."""


class Common:
    """The file and the clock.

    Args:
        path: the file; made where it is missing, with its folder.
        clock: seconds since 1970.

    Raises:
        ClassError: the file cannot be read or written. So do all methods.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._database = Database(path)
        self._clock = clock
        self._sweep()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _running(self, sql: sqlite3.Connection, code: str) -> Classroom:
        room = records.read(records.found(sql, code), self._clock())
        if not room.pulse.running:
            raise ClassError("The class has ended.")
        return room

    def _sweep(self) -> None:
        """Delete what nobody can see any more."""
        with self._database.changes() as sql:
            now = self._clock()
            sql.execute("DELETE FROM class WHERE ends < ?", (now - KEPT_S,))
            sql.execute("DELETE FROM allowance WHERE at < ?", (now - 24 * 3600,))
