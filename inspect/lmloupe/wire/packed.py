"""What may cross between the pages and a cluster: plain values, NumPy arrays, and the library's own dataclasses.

A dataclass travels as its name and its values, an error of the library as its name and its words. Arrays stay arrays,
which Ray hands over without a copy on one machine. Whatever else somebody puts in is refused before it is sent, and
again where it arrives: no class is made that is not a dataclass of this library.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence, Set
from functools import cache
from importlib import import_module
from typing import Any, TypeAlias

import numpy as np

import lmloupe.errors
from lmloupe.errors import ClusterSizeError, ClusterVersionError, LoupeError

__all__ = ["MOST_ANSWERED", "MOST_ASKED", "Packed", "pack", "unpack"]

Packed: TypeAlias = Any
"""None, numbers, str, bytes, arrays, and tuples whose first value says what they stand for."""

MOST_ASKED, MOST_ANSWERED = 16 << 20, 512 << 20
"""Bytes of a question and of an answer: the states of 4,096 tokens in 30 layers of 576 numbers are 290 MB."""

_DEEPEST = 32
_PLAIN = (bool, int, float, str, bytes, type(None))
_ARRAYS = frozenset("biufUS")  # dtype.kind: never "O", which would pickle whatever it holds


def pack(value: object, most_bytes: int = MOST_ASKED) -> Packed:
    """A value as it travels.

    Args:
        value: of the kinds that may travel. Lists, sets and ranges arrive as tuples, NumPy's numbers as Python's.
        most_bytes: how large it may be.

    Raises:
        TypeError: something in it may not travel.
        ClusterSizeError: it is larger, or nested too deeply.

    >>> unpack(pack([1, "two", {"three": b"4"}]))
    (1, 'two', {'three': b'4'})
    >>> pack(object())
    Traceback (most recent call last):
    TypeError: object may not travel between the pages and a cluster.
    """
    return _Measure(most_bytes).packed(value, 0)


def unpack(packed: Packed, most_bytes: int = MOST_ANSWERED) -> Any:
    """The value that travelled; an error comes back as a value, not raised.

    Raises:
        TypeError: something in it may not travel.
        ClusterVersionError: a dataclass or an error that this version of the library does not have, or has otherwise.
        ClusterSizeError: it is larger than ``most_bytes``, or nested too deeply.
    """
    return _Measure(most_bytes).unpacked(packed, 0)


class _Measure:
    """Counts what goes through it."""

    def __init__(self, most_bytes: int) -> None:
        self._most, self._left = most_bytes, most_bytes

    def _count(self, n_bytes: int, depth: int) -> None:
        self._left -= n_bytes
        if self._left < 0:
            raise ClusterSizeError(
                f"This needs more than the {self._most >> 20} MB that go to or from a cluster at once: "
                "shorten the text."
            )
        if depth > _DEEPEST:
            raise ClusterSizeError(f"This is nested in more than {_DEEPEST} levels: ask with something plainer.")

    def _leaf(self, value: object, depth: int) -> bool:
        """Whether it travels as it is; counted."""
        if isinstance(value, np.ndarray):
            if type(value) is not np.ndarray or value.dtype.kind not in _ARRAYS:
                raise TypeError(f"An array of {value.dtype} may not travel between the pages and a cluster.")
            self._count(value.nbytes, depth)
            return True
        if type(value) not in _PLAIN:
            return False
        self._count(len(value.encode("utf-8", "surrogatepass")) if isinstance(value, str) else _size(value), depth)
        return True

    def packed(self, value: Any, depth: int) -> Packed:
        if self._leaf(value, depth):
            return value
        self._count(8, depth)
        if isinstance(value, np.generic):
            return self.packed(value.item(), depth)
        if isinstance(value, LoupeError):
            return ("error", type(value).__name__, str(value))
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            name = _name(type(value))
            values = (getattr(value, field.name) for field in dataclasses.fields(value))
            return ("dataclass", name, *(self.packed(item, depth + 1) for item in values))
        if isinstance(value, Mapping):
            pairs = [(_key(key), self.packed(item, depth + 1)) for key, item in value.items()]
            return ("mapping", *(part for pair in pairs for part in pair))
        if isinstance(value, Set):
            value = sorted(value)
        if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray | memoryview):
            return ("tuple", *(self.packed(item, depth + 1) for item in value))
        raise TypeError(f"{type(value).__name__} may not travel between the pages and a cluster.")

    def unpacked(self, packed: Packed, depth: int) -> Any:
        if self._leaf(packed, depth):
            return packed
        self._count(8, depth)
        if type(packed) is not tuple or not packed or not isinstance(packed[0], str):
            raise TypeError(f"{type(packed).__name__} may not travel between the pages and a cluster.")
        kind, *parts = packed
        if kind == "tuple":
            return tuple(self.unpacked(part, depth + 1) for part in parts)
        if kind == "mapping" and len(parts) % 2 == 0:
            return {_key(parts[i]): self.unpacked(parts[i + 1], depth + 1) for i in range(0, len(parts), 2)}
        if kind == "error" and len(parts) == 2:
            return _error(*parts)
        if kind == "dataclass" and parts:
            return self._dataclass(parts[0], parts[1:], depth)
        raise TypeError(f"{kind!r} stands for nothing that travels between the pages and a cluster.")

    def _dataclass(self, name: object, parts: Sequence[Packed], depth: int) -> Any:
        found = _class(str(name))
        fields = dataclasses.fields(found)
        if len(fields) != len(parts):
            raise _other_version(str(name))
        values = {field.name: self.unpacked(part, depth + 1) for field, part in zip(fields, parts, strict=True)}
        return found(**values)


def _size(value: object) -> int:
    return len(value) if isinstance(value, bytes) else sys.getsizeof(value) if isinstance(value, int) else 8


def _key(key: object) -> str:
    if type(key) is not str:
        raise TypeError("Only a mapping whose keys are texts may travel between the pages and a cluster.")
    return key


def _name(kind: type) -> str:
    name = f"{kind.__module__}:{kind.__qualname__}"
    if _class(name) is not kind:
        raise TypeError(f"{kind.__name__} may not travel between the pages and a cluster.")
    return name


@cache
def _class(name: str) -> Any:
    """The dataclass of this library with this name, ``module:class``."""
    module, _, inside = name.partition(":")
    if not module.startswith("lmloupe.") or not inside.isidentifier():
        raise TypeError(f"{name} is no dataclass of LM Loupe, so it may not travel between the pages and a cluster.")
    try:
        found = getattr(import_module(module), inside)
    except (ImportError, AttributeError) as error:
        raise _other_version(name) from error
    if not isinstance(found, type) or not dataclasses.is_dataclass(found) or found.__module__ != module:
        raise TypeError(f"{name} is no dataclass of LM Loupe, so it may not travel between the pages and a cluster.")
    return found


def _error(name: object, words: object) -> LoupeError:
    kind = getattr(lmloupe.errors, str(name), None) if str(name) in lmloupe.errors.__all__ else None
    if kind is None:
        raise _other_version(str(name))
    made: LoupeError = kind(str(words))
    return made


def _other_version(name: str) -> ClusterVersionError:
    return ClusterVersionError(
        f"The cluster and these pages have different versions of LM Loupe ({name} differs): install the same on both."
    )
