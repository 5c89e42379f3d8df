"""Who uses a page machine's node: each front end holds a shared lock on one file, which ends with its process."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["hold", "nobody_uses"]


def hold(path: Path) -> int:
    """Use it until this process ends, however it ends; gives the file, which must stay open.

    Raises:
        OSError: the file cannot be made.
    """
    import fcntl  # not there on Windows, where Ray joins no cluster either

    held = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(held, fcntl.LOCK_SH)
    return held


def nobody_uses(path: str | os.PathLike[str]) -> bool:
    """Whether no process holds it."""
    import fcntl

    looked = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(looked, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(looked)
    return True
