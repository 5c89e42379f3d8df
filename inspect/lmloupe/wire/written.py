"""Packed values as bytes and back: the same value gives the same bytes in every process, and no byte is ever run.

What `lmloupe.wire.packed.pack` makes goes in: None, numbers, texts, bytes, arrays and tuples. Each is a letter and its
content; arrays lie at multiples of 16 bytes, so that they are read where they are, without a copy.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from lmloupe.wire.packed import Packed

__all__ = ["from_bytes", "to_bytes"]

_DEEPEST = 64
_ALIGNED = 16
_ARRAYS = frozenset("biufUS")


def to_bytes(packed: Packed) -> bytes:
    """A packed value as bytes.

    Raises:
        TypeError: something that `lmloupe.wire.packed.pack` would not have made.

    >>> from_bytes(to_bytes(("tuple", 1, -0.5, None)))
    ('tuple', 1, -0.5, None)
    """
    into = bytearray()
    _write(packed, into)
    return bytes(into)


def from_bytes(written: bytes) -> Packed:
    """The packed value that these bytes are; its arrays are views of them that nobody can write to.

    Raises:
        ValueError: they are not what `to_bytes` gives.
    """
    reading = _Reading(written)
    try:
        found = reading.value(0)
    except (struct.error, IndexError, TypeError, OverflowError, MemoryError) as error:
        raise ValueError(f"Not written by LM Loupe: {error}") from error
    if reading.at != len(written):
        raise ValueError("Not written by LM Loupe: something follows its end.")
    return found


def _write(value: Packed, into: bytearray) -> None:
    if value is None:
        into += b"N"
    elif type(value) is bool:
        into += b"T" if value else b"F"
    elif type(value) is int:
        _counted(b"i", value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True), into)
    elif type(value) is float:
        into += b"f" + struct.pack("<d", value)
    elif type(value) is str:
        _counted(b"s", value.encode("utf-8", "surrogatepass"), into)
    elif type(value) is bytes:
        _counted(b"b", value, into)
    elif type(value) is tuple:
        into += b"t" + struct.pack("<Q", len(value))
        for item in value:
            _write(item, into)
    elif type(value) is np.ndarray and value.dtype.kind in _ARRAYS:
        _counted(b"a", value.dtype.str.encode("ascii"), into)
        into += struct.pack(f"<B{value.ndim}Q", value.ndim, *value.shape)
        into += bytes(-len(into) % _ALIGNED)
        into += value.tobytes()
    else:
        raise TypeError(f"{type(value).__name__} is nothing that `pack` makes.")


def _counted(letter: bytes, content: bytes, into: bytearray) -> None:
    into += letter + struct.pack("<Q", len(content)) + content


class _Reading:
    """Goes through bytes once."""

    def __init__(self, written: bytes) -> None:
        self._written, self.at = written, 0

    def _take(self, n: int) -> bytes:
        found = self._written[self.at : self.at + n]
        if len(found) != n:
            raise ValueError("Not written by LM Loupe: it ends too early.")
        self.at += n
        return found

    def _number(self) -> int:
        return int(struct.unpack("<Q", self._take(8))[0])

    def value(self, depth: int) -> Any:
        if depth > _DEEPEST:
            raise ValueError("Not written by LM Loupe: it is nested too deeply.")
        letter = self._take(1)
        if letter in b"NTF":
            return {b"N": None, b"T": True, b"F": False}[letter]
        if letter == b"f":
            return float(struct.unpack("<d", self._take(8))[0])
        n = self._number()
        if letter == b"t":
            if n > len(self._written) - self.at:  # each item has a byte at least
                raise ValueError("Not written by LM Loupe: it ends too early.")
            return tuple(self.value(depth + 1) for _ in range(n))
        content = self._take(n)
        if letter == b"i":
            return int.from_bytes(content, "little", signed=True)
        if letter == b"s":
            return content.decode("utf-8", "surrogatepass")
        if letter == b"b":
            return content
        if letter == b"a":
            return self._array(np.dtype(content.decode("ascii")))
        raise ValueError(f"Not written by LM Loupe: {letter!r} stands for nothing.")

    def _array(self, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
        if dtype.kind not in _ARRAYS:
            raise ValueError(f"Not written by LM Loupe: an array of {dtype}.")
        (n_axes,) = self._take(1)
        shape = struct.unpack(f"<{n_axes}Q", self._take(8 * n_axes))
        self._take(-self.at % _ALIGNED)
        found: np.ndarray[Any, Any] = np.ndarray(shape, dtype, self._written, self.at)
        self.at += found.nbytes
        return found
