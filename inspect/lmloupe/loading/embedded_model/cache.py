"""The folder that LM Loupe keeps its files in: where it is, whether there is room, and who may write."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock
import platformdirs

from lmloupe.errors import FetchError
from lmloupe.loading.embedded_model.wheel import Report

__all__ = ["cache_folder", "check_room", "locked"]

_LOCK = "embedded-model.lock"


def cache_folder() -> Path:
    """The folder that LM Loupe keeps its files in; it need not exist yet.

    The environment variable ``LMLOUPE_CACHE`` where it is set, else the operating system's place for caches
    (``platformdirs.user_cache_path``). Read at every call.

    >>> import os
    >>> from unittest import mock
    >>> with mock.patch.dict(os.environ, LMLOUPE_CACHE="somewhere"):
    ...     cache_folder().name
    'somewhere'
    """
    chosen = os.environ.get("LMLOUPE_CACHE", "").strip()
    if chosen:
        return Path(chosen).expanduser().absolute()
    return platformdirs.user_cache_path("lmloupe", appauthor=False)


@contextmanager
def locked(cache: Path, report: Report) -> Iterator[None]:
    """Hold the one lock of all processes; those that wait for it report so."""
    lock = filelock.FileLock(cache / _LOCK)
    started = time.monotonic()
    while True:
        try:
            lock.acquire(timeout=0.3)
            break
        except filelock.Timeout:
            waited = time.monotonic() - started
            report("wait", f"Waiting for another session that is fetching the model: {waited:.0f} s so far", 0.0)
    try:
        yield
    finally:
        lock.release()


def check_room(cache: Path, needed_bytes: int) -> None:
    """Raise `FetchError` unless the disk has so much room."""
    free = shutil.disk_usage(cache).free
    if free < needed_bytes:
        raise FetchError(
            f"The model needs {needed_bytes / 1e9:.2f} GB of disk while it is being made, and {cache} has "
            f"{free / 1e9:.2f} GB free: make room, or set LMLOUPE_CACHE to a folder on another disk."
        )
