"""What tells two folders with a model apart: a stamp that is read in no time, and a hash of all that is in them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TypeAlias

__all__ = ["Stamp", "digest", "stamp"]

Stamp: TypeAlias = tuple[tuple[str, int, int, int], ...]
"""Name, bytes, time of the last change of the content in nanoseconds, and inode, of each file."""

_READ = (".jinja", ".json", ".model", ".safetensors", ".txt")
"""How the files end that a model or its tokenizer is read from."""


def stamp(folder: str | os.PathLike[str]) -> Stamp:
    """Size and time of each file that a model is read from; empty where it is no folder that can be read.

    >>> stamp("no-such-folder")
    ()
    """
    try:
        with os.scandir(folder) as entries:
            found = [(entry.name, entry.stat()) for entry in entries if entry.name.endswith(_READ)]
    except OSError:
        return ()
    return tuple(sorted((name, stat.st_size, stat.st_mtime_ns, stat.st_ino) for name, stat in found))


def digest(folder: str | os.PathLike[str], files: Stamp) -> str | None:
    """A sha256 over the content of these files, in the order of their names: about a second for a gigabyte.

    Returns:
        64 hexadecimal digits; None where a file cannot be read, or is not any more what the stamp says.
    """
    whole = hashlib.sha256()
    try:
        for name, n_bytes, _, _ in files:
            with (Path(folder) / name).open("rb") as file:
                whole.update(f"{name}\n{n_bytes}\n".encode() + hashlib.file_digest(file, "sha256").digest())
    except OSError:
        return None
    return whole.hexdigest() if files and stamp(folder) == files else None
