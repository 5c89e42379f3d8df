"""The SQLite file that all server processes of a machine keep their classes in."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

from ui.learn.classes.store.answers import ClassError

__all__ = ["Database"]

_FORM = 1
_WAIT_S = 10
_TABLES = """
CREATE TABLE class (
    code TEXT PRIMARY KEY, teacher BLOB NOT NULL, plan TEXT NOT NULL, pins TEXT NOT NULL, pace TEXT NOT NULL,
    position INTEGER NOT NULL, phase TEXT NOT NULL, revealed INTEGER NOT NULL,
    version INTEGER NOT NULL, activity INTEGER NOT NULL, started REAL NOT NULL, ends REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE student (
    class TEXT NOT NULL REFERENCES class ON DELETE CASCADE, student BLOB NOT NULL, number INTEGER NOT NULL,
    seen REAL NOT NULL, PRIMARY KEY (class, student)
) WITHOUT ROWID;
CREATE TABLE guess (
    class TEXT NOT NULL REFERENCES class ON DELETE CASCADE, position INTEGER NOT NULL, student BLOB NOT NULL,
    guess TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (class, position, student)
) WITHOUT ROWID;
CREATE TABLE allowance (what TEXT PRIMARY KEY, level REAL NOT NULL, at REAL NOT NULL) WITHOUT ROWID;
"""


class Database:
    """One connection for all threads of this process, which take turns; processes take turns by SQLite's own lock.

    Write-ahead logging lets everybody read while one writes, and what is committed outlives the process.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._file = path.name
        with self._sentences():
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # what a class has guessed is nobody else's
            self._connection = sqlite3.connect(
                path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False, cached_statements=64
            )
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute("PRAGMA foreign_keys = ON")
        with self.changes() as sql:
            (form,) = sql.execute("PRAGMA user_version").fetchone()
            if form not in (0, _FORM):
                raise ClassError(
                    f"{path.name} in LM Loupe's cache folder was written by another version: move it away, and start "
                    "the server again."
                )
            if form == 0:
                for statement in filter(str.strip, _TABLES.split(";")):
                    sql.execute(statement)
                sql.execute(f"PRAGMA user_version = {_FORM}")

    @contextlib.contextmanager
    def reads(self) -> Iterator[sqlite3.Connection]:
        """Read; several reads in one block see the same state.

        Raises:
            ClassError: the file cannot be read.
        """
        yield from self._transaction("BEGIN")

    @contextlib.contextmanager
    def changes(self) -> Iterator[sqlite3.Connection]:
        """Read and write; all of it is kept, or where the block raises nothing of it.

        Raises:
            ClassError: the file cannot be written.
        """
        yield from self._transaction("BEGIN IMMEDIATE")

    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self._lock, self._sentences():
            self._connection.execute(begin)
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    @contextlib.contextmanager
    def _sentences(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise ClassError(
                f"The class could not be kept: {self._file} in LM Loupe's cache folder gave “{error}”. Make room there "
                "or give the right to write, or set LMLOUPE_CACHE to another folder."
            ) from error

    def close(self) -> None:
        """Close the file; for tests, a server keeps it."""
        with self._lock:
            self._connection.close()
