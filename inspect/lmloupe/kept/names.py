"""What a kept answer is called: a hash of everything that it depends on, the same in every process."""

from __future__ import annotations

import dataclasses
import hashlib
import platform
import sys
from collections.abc import Mapping, Sequence, Set
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

import lmloupe
from lmloupe.wire.packed import Packed
from lmloupe.wire.written import to_bytes

__all__ = ["library", "question_name"]

_COMPUTE = (
    "accelerate", "bitsandbytes", "llguidance", "numpy", "safetensors", "scikit-learn", "tokenizers", "torch",
    "transformers",
)  # fmt: skip
"""The packages whose code is in an answer's numbers."""


@cache
def library() -> str:
    """A hash of this library's own code, and of the versions of all that computes: another one answers anew.

    >>> len(library())
    64
    """
    folder = Path(lmloupe.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(f"{path.relative_to(folder).as_posix()}\n".encode() + path.read_bytes())
    versions = (platform.python_version(), sys.platform, platform.machine(), *map(_version, _COMPUTE))
    digest.update(to_bytes(versions))
    return digest.hexdigest()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def question_name(*parts: Any) -> str:
    """A hash of everything that an answer depends on, as 64 hexadecimal digits.

    Args:
        *parts: plain values, NumPy's, tuples, lists, mappings, sets, and dataclasses, which are their name and fields.
            Two of another type are two: 1, 1.0 and True differ, as ``[1]`` and ``(1,)`` do.

    Raises:
        TypeError: of another kind.

    >>> question_name("score", {"top_k": 3, "ids": (1, 2)}) == question_name("score", {"ids": (1, 2), "top_k": 3})
    True
    >>> question_name(1) == question_name(True)
    False
    """
    return hashlib.sha256(to_bytes(_plain(parts))).hexdigest()


def _plain(value: Any) -> Packed:
    """The value in kinds that have one way to be written; what it was stands before it."""
    if value is None or type(value) in (bool, int, float, str, bytes):
        return value
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, np.ndarray):
        return ("array", value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kind = type(value)
        fields = ((field.name, _plain(getattr(value, field.name))) for field in dataclasses.fields(value))
        return ("dataclass", f"{kind.__module__}:{kind.__qualname__}", *fields)
    if isinstance(value, Mapping):
        pairs = [(_plain(key), _plain(item)) for key, item in value.items()]
        return ("mapping", *sorted(pairs, key=lambda pair: to_bytes(pair[0])))
    if isinstance(value, Set):
        return ("set", *sorted(map(_plain, value), key=to_bytes))
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray | memoryview):
        return (type(value).__name__, *map(_plain, value))
    raise TypeError(f"A {type(value).__name__} has no name that another process would give it too.")
