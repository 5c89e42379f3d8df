"""Answers that a replica keeps, so that thirty people who open the same link cost one pass of the model."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable

import numpy as np

from lmloupe.wire.packed import Packed

__all__ = ["MOST_BYTES", "NEVER_KEPT", "Kept", "fingerprint_of", "n_bytes"]

MOST_BYTES = 256 << 20
"""Bytes of answers that a replica keeps; one that is larger than an eighth of it is not kept."""

NEVER_KEPT = frozenset({"serving"})
"""Questions whose answer is of the moment. All others depend on the model and their arguments alone."""

_VALUE = 64  # bytes of a small value of Python with its place in a tuple, about


class Kept:
    """The answers that were asked for last, by question and arguments. Used on one event loop.

    Args:
        most_bytes: how much of them is kept.

    Attributes:
        n_bytes: of what is kept now.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.n_bytes = 0
        self._most = most_bytes
        self._answers: OrderedDict[bytes, tuple[Packed, int]] = OrderedDict()
        self._asked: dict[bytes, asyncio.Future[Packed]] = {}

    async def answer(self, name: str, arguments: Packed, work: Callable[[], Awaitable[Packed]]) -> Packed:
        """The answer that is kept, else of the equal question that is being answered, else of ``work``.

        An error is given to all who wait for it, and not kept. Who stops waiting stops nobody else.
        """
        if name in NEVER_KEPT:
            return await work()
        key = fingerprint_of(name, arguments)
        if key in self._answers:
            self._answers.move_to_end(key)
            return self._answers[key][0]
        if key not in self._asked:
            self._asked[key] = asyncio.ensure_future(self._work(key, work))
        return await asyncio.shield(self._asked[key])

    async def _work(self, key: bytes, work: Callable[[], Awaitable[Packed]]) -> Packed:
        try:
            answer = await work()
        finally:
            del self._asked[key]
        if not _is_error(answer):
            self._keep(key, answer)
        return answer

    def _keep(self, key: bytes, answer: Packed) -> None:
        size = n_bytes(answer)
        if size > self._most // 8:
            return
        self._answers[key] = answer, size
        self.n_bytes += size
        while self.n_bytes > self._most:
            _, (_, freed) = self._answers.popitem(last=False)
            self.n_bytes -= freed


def _is_error(answer: Packed) -> bool:
    return type(answer) is tuple and bool(answer) and answer[0] == "error"


def n_bytes(packed: Packed) -> int:
    """Memory of a packed value, about.

    >>> n_bytes(("tuple", b"1234", 1)), n_bytes(np.zeros(1000, np.float32))
    (265, 4064)
    """
    if isinstance(packed, tuple):
        return _VALUE + sum(map(n_bytes, packed))
    if isinstance(packed, np.ndarray):
        # A view keeps all of what it is of.
        owner = packed.base if isinstance(packed.base, np.ndarray) else packed
        return _VALUE + max(packed.nbytes, owner.nbytes)
    return _VALUE + (len(packed) if isinstance(packed, bytes | str) else 0)


def fingerprint_of(name: str, arguments: Packed) -> bytes:
    """A digest that is equal for equal questions alone: every value goes in with its kind and its length.

    >>> fingerprint_of("score", ("tuple", 1, 2)) == fingerprint_of("score", ("tuple", 1, 2))
    True
    >>> fingerprint_of("score", ("tuple", 1)) == fingerprint_of("score", ("tuple", 1.0))
    False
    """
    digest = hashlib.blake2b(name.encode(), digest_size=16)

    def take(value: Packed) -> None:
        if isinstance(value, tuple):
            digest.update(b"(%d" % len(value))
            for part in value:
                take(part)
            return
        if isinstance(value, np.ndarray):
            head, body = f"{value.dtype.str}{value.shape}", np.ascontiguousarray(value).tobytes()
        elif isinstance(value, bytes):
            head, body = "bytes", value
        elif isinstance(value, str):
            head, body = "str", value.encode("utf-8", "surrogatepass")
        else:
            head, body = type(value).__name__, repr(value).encode()
        digest.update(f"|{head}:{len(body)}:".encode())
        digest.update(body)

    take(arguments)
    return digest.digest()
