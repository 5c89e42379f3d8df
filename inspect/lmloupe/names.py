"""Names of tokenizers and models, as a person types them: the embedded model, a folder, an id of the hub."""

from __future__ import annotations

import os
from pathlib import Path

from lmloupe.errors import SourceNotFoundError

__all__ = ["EMBEDDED_MODEL", "local_folder", "seconds", "shown"]

EMBEDDED_MODEL = "smollm2-135m-instruct"
"""Name of the embedded model, for `lmloupe.load_engine` and as a folder in the cache."""


def shown(name: str) -> str:
    r"""A name as messages show it: quoted, control characters escaped, not endless.

    >>> print(shown("a\nb"))
    'a\nb'
    """
    return repr(name if len(name) <= 80 else name[:77] + "...")


def seconds(limit_s: float) -> str:
    """A time limit as messages show it: whole seconds, or tenths below ten.

    >>> seconds(6.00002), seconds(2.5), seconds(31.2)
    ('6 s', '2.5 s', '31 s')
    """
    tenths = f"{limit_s:.1f}".removesuffix(".0")
    return f"{tenths if limit_s < 10 else round(limit_s)} s"


def local_folder(name: str) -> Path | None:
    """The folder that a name stands for, or None where it can only be a hub id.

    Any string will do: one that no path could be (a NUL, a hundred thousand letters) is not a folder.

    Raises:
        SourceNotFoundError: it is written as a path, or names a file, and there is no such folder.

    >>> local_folder("Qwen/Qwen2.5-0.5B") is None
    True
    """
    # The functions of os.path answer False where the methods of Path raise.
    path = os.path.expanduser(name)
    if os.path.isdir(path):
        return Path(path) if name else None
    if os.path.isfile(path):
        raise SourceNotFoundError(f"{shown(name)} is a file: give the folder that it lies in.")
    if name.startswith((".", "~", "/", "\\")) or os.path.isabs(path):
        raise SourceNotFoundError(
            f"There is no folder {shown(name)}: check the path, or give a hub id such as owner/name."
        )
    return None
