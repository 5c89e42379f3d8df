"""A folder of answers that several processes share: one file for each, no pickle, and each computed by one of them.

A file is written under another name and renamed, so that nobody reads half of one. It holds its own hash and the name
of its question; whatever is damaged, foreign or of another version is no answer, and is written anew. What a file
says is made by `lmloupe.wire`: plain values, arrays and the library's own dataclasses, through their constructors.
"""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from lmloupe.errors import ClusterSizeError, InvalidSettingError
from lmloupe.kept.turns import Turn
from lmloupe.wire.packed import pack, unpack
from lmloupe.wire.written import from_bytes, to_bytes

__all__ = ["MOST_ANSWER", "MOST_BYTES", "SLOW_S", "AnswerFolder"]

T = TypeVar("T")

MOST_BYTES = 1 << 30
MOST_ANSWER = 64 << 20
"""Bytes of one answer: attention of one layer over 512 tokens is 34 MB; what is larger would push out all others."""
SLOW_S = 0.25
"""Only an answer that took longer is kept: reading a file, checking it and making its objects takes some milliseconds,
and a pass of the embedded model over a short text a tenth of a second, which need not fill a disk."""
PATIENCE_S = 300.0
"""After this an answer is computed here too: its owner lives, holds the lock and does not go on."""
_MAGIC = b"LM Loupe, a kept answer, form 1\n"
_SUFFIX, _ASIDE, _LOCK = ".answer", ".aside", ".lock"
_BLOCK = 4096  # what a small file takes of a disk
_LEFT_S = 3600.0  # after which what a killed process has left is taken away
_log = logging.getLogger(__name__)


class AnswerFolder:
    """Answers by their names; see `lmloupe.kept.names.question_name`.

    Args:
        path: the folder; made where it is not there, for its owner alone.
        most_bytes: of all files together; those that were used longest ago are taken away first.
        slow_s: `answer` keeps only what took longer.

    Raises:
        InvalidSettingError: it cannot be made or written to, or belongs to somebody else.
    """

    def __init__(self, path: Path, most_bytes: int = MOST_BYTES, slow_s: float = SLOW_S) -> None:
        self.path, self.slow_s, self._most = path, slow_s, most_bytes
        self._lock = threading.Lock()
        self._written = most_bytes  # so that the first one written looks how much there is
        self._make()

    def read(self, name: str, kind: type | tuple[type, ...] = object, fresh_s: float | None = None) -> Any:
        """The answer to a question; None where there is none that can be read.

        Args:
            name: of the question.
            kind: what the answer must be.
            fresh_s: how old it may be, in seconds; None for any age.
        """
        path = self.path / f"{name}{_SUFFIX}"
        try:
            content = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        return _opened(content, name, kind, fresh_s)

    def write(self, name: str, value: object) -> bool:
        """Keep an answer; False where that cannot be, which is noted in the log."""
        try:
            content = _closed(name, value)
        except ClusterSizeError:
            return False
        aside = self.path / f"{name}.{secrets.token_hex(8)}{_ASIDE}"
        try:
            self._make()
            with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
            os.replace(aside, self.path / f"{name}{_SUFFIX}")
        except (OSError, InvalidSettingError) as error:
            _log.warning("An answer is not kept in %s: %s", self.path, error)
            aside.unlink(missing_ok=True)
            return False
        self._count(len(content))
        return True

    def forget(self, name: str) -> None:
        """Take an answer away; nothing happens where there is none."""
        try:
            (self.path / f"{name}{_SUFFIX}").unlink(missing_ok=True)
        except OSError as error:  # Windows, where somebody reads it now
            _log.debug("%s stays: %s", name, error)

    def turn(self, name: str) -> Turn:
        """The lock of a question, which one process at a time can have."""
        return Turn(self.path / f"{name}{_LOCK}")

    def answer(self, name: str, compute: Callable[[], T], kind: type | tuple[type, ...] = object) -> T:
        """The answer to a question: read where it is kept, else computed, by one process while the others wait.

        Args:
            name: of the question.
            compute: computes it; whatever it raises is raised here, and nothing is kept then.
            kind: what the answer must be.
        """
        found: T | None = self.read(name, kind)
        if found is not None:
            return found
        turn, began = self.turn(name), time.monotonic()
        while not turn.take():
            if time.monotonic() - began > PATIENCE_S:
                return compute()
            time.sleep(min(0.1, max(0.005, (time.monotonic() - began) / 10)))
        waited = time.monotonic() - began
        try:
            found = self.read(name, kind)
            if found is not None:
                return found
            if turn.refused > 0 and waited < self.slow_s:
                turn.give()  # it was quick for the other one: those who wait need not take turns
            began = time.perf_counter()
            computed = compute()
            if time.perf_counter() - began > self.slow_s:
                self.write(name, computed)
            return computed
        finally:
            turn.give()

    def _make(self) -> None:
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if os.name == "posix":
                stat = self.path.stat()
                if stat.st_uid != os.geteuid():
                    raise PermissionError(1, "it belongs to somebody else")
                if stat.st_mode & 0o077:
                    self.path.chmod(0o700)
            if not os.access(self.path, os.R_OK | os.W_OK | os.X_OK):
                raise PermissionError(13, "it cannot be written to")
        except OSError as error:
            raise InvalidSettingError(
                f"Answers cannot be kept in {self.path}: {error.strerror or type(error).__name__}. Choose a folder of "
                "the account that runs LM Loupe, or keep none."
            ) from error

    def _count(self, n_bytes: int) -> None:
        """Look how much there is after each sixteenth of the bound, and make room."""
        with self._lock:
            self._written += max(n_bytes, _BLOCK)
            if self._written < self._most // 16:
                return
            self._written = 0
        self.make_room()

    def make_room(self) -> None:
        """Take away those that were used longest ago, down to seven eighths of the bound, and what killed ones left."""
        found = []
        now = time.time()
        try:
            with os.scandir(self.path) as entries:
                for entry in entries:
                    if entry.name.endswith((_SUFFIX, _ASIDE, _LOCK)):
                        stat = entry.stat()
                        found.append((stat.st_mtime, max(stat.st_size, _BLOCK), entry.path))
        except OSError:  # somebody clears it
            return
        taken = sum(n_bytes for _, n_bytes, _ in found)
        full = taken > self._most - self._most // 16
        for used, n_bytes, path in sorted(found):
            left = not path.endswith(_SUFFIX) and now - used > _LEFT_S
            if left or (full and taken > self._most - self._most // 8 and path.endswith(_SUFFIX)):
                Path(path).unlink(missing_ok=True)
                taken -= n_bytes


def _closed(name: str, value: object) -> bytes:
    body = to_bytes((name, time.time(), pack(value, MOST_ANSWER)))
    return _MAGIC + hashlib.sha256(body).digest() + body


def _opened(content: bytes, name: str, kind: Any, fresh_s: float | None) -> Any:
    """What a file says; None where it is damaged, foreign or too old."""
    start = len(_MAGIC) + 32
    body = content[start:]
    if content[: len(_MAGIC)] != _MAGIC or hashlib.sha256(body).digest() != content[len(_MAGIC) : start]:
        return None
    try:
        asked, made, packed = from_bytes(body)
        if asked != name or (fresh_s is not None and not 0 <= time.time() - made < fresh_s):
            return None
        found = unpack(packed, 2 * MOST_ANSWER)
    except Exception as error:  # whatever a forged file makes a constructor raise, it is no answer
        _log.warning("%s is no answer of this program: %s", name, error)
        return None
    return found if isinstance(found, kind) else None
