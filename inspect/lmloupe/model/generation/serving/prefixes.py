"""What the model has kept of texts that it read or wrote, so that another text goes on from a beginning they share."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lmloupe.model.passes.continuation import Continuation

__all__ = ["Beginning", "KeptTexts", "shared_length"]

Beginning: TypeAlias = tuple[int, Callable[[int], Continuation]]
"""With how many tokens of another text a text begins, and what makes a text of the first n of them (at least 1)."""


MOST_BYTES = {"cpu": 256 << 20, "mps": 256 << 20, "cuda": 1 << 30}
_MOST_TEXTS = 64


def shared_length(a: NDArray[np.int32], b: NDArray[np.int32]) -> int:
    """With how many equal tokens two texts begin.

    >>> shared_length(np.array([4, 5, 6], np.int32), np.array([4, 5, 7, 8], np.int32))
    2
    """
    n = min(len(a), len(b))
    apart = np.flatnonzero(a[:n] != b[:n])
    return int(apart[0]) if len(apart) else n


class KeptTexts:
    """Caches of the texts that were in use last, up to a number of bytes. For the worker's thread alone.

    Args:
        most_bytes: of all of them.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._texts: OrderedDict[bytes, Continuation] = OrderedDict()

    @property
    def nbytes(self) -> int:
        """Bytes of all that is kept."""
        return sum(text.nbytes for text in self._texts.values())

    def __len__(self) -> int:
        return len(self._texts)

    def clear(self) -> None:
        """Let all of them go."""
        self._texts.clear()

    def keep(self, text: Continuation) -> None:
        """Keep a text, which is not to be read on; the longest unused are let go. Its own beginnings are part of it."""
        ids = _key(text)
        if not ids or text.nbytes > self._most_bytes:
            return
        for key, other in list(self._texts.items()):
            if key.startswith(ids) and (key == ids or other.goes_back):
                self._texts.move_to_end(key)
                return
            if ids.startswith(key) and text.goes_back:
                del self._texts[key]
        self._texts[ids] = text
        while len(self._texts) > _MOST_TEXTS or self.nbytes > self._most_bytes:
            self._texts.popitem(last=False)

    def beginnings(self, ids: NDArray[np.int32]) -> list[Beginning]:
        """Texts that begin as ``ids`` does."""
        found: list[Beginning] = []
        for key, text in self._texts.items():
            shared = shared_length(np.frombuffer(key, np.int32), ids)
            if shared:
                found.append((shared, partial(self._branch, key, text)))
        return found

    def _branch(self, key: bytes, text: Continuation, n: int) -> Continuation:
        branch = text.branch(n)
        self._texts.move_to_end(key)
        return branch


def _key(text: Continuation) -> bytes:
    return text.ids[0].cpu().numpy().astype(np.int32).tobytes()
