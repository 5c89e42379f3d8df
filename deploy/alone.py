"""One `python -m deploy` for each folder: two would write each other's nginx.conf."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

__all__ = ["alone", "cookie_secret"]


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Have the folder for this process, and make it where it is not there.

    Raises:
        OSError: it cannot be made or written to.
        RuntimeError: another process has it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / "lock", timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise RuntimeError(
            f"another python -m deploy uses the folder {folder}; stop it, or choose another folder with --folder."
        ) from error
    try:
        yield
    finally:
        lock.release()


def cookie_secret(folder: Path) -> str:
    """What signs the cookies of all front ends, the same after a restart: made once, for the owner's eyes only."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "cookie_secret"
    # Written aside and given its name when it is whole: nobody reads half a secret, and one who is killed leaves none.
    aside = folder / f"cookie_secret.{secrets.token_hex(8)}"
    with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(32))
    try:
        if path.exists() and not path.read_text("ascii").strip():
            path.unlink()
        os.link(aside, path)
    except FileExistsError:
        pass  # somebody else's is the one
    finally:
        aside.unlink()
    return path.read_text("ascii").strip()
