"""Which replica a question goes to: the one that has its text already, while no other has much less to do.

A question carries the trail of its text, short digests of longer and longer beginnings of it. Equal questions have
equal trails, whichever front end asks, and go to the same replica by a rule that needs no memory. A text that goes on
from one that was asked before shares most of its trail with that, and follows it to where its cache of keys and values
is. Knows nothing of Ray; ``router`` has Serve ask it.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np

from lmloupe.wire.packed import Packed

__all__ = ["EVEN", "Places", "trail"]

EVEN = 4
"""Questions that a replica may have more than the one with fewest, and still be asked because it has the text."""

_STEP, _MOST_STEPS = 64, 64
_MOST_MARKS = 16_384


def trail(arguments: Packed) -> str:
    """The trail of the text in packed arguments, else of all of them.

    >>> a, b = trail(("mapping", "text_or_ids", "x" * 200)), trail(("mapping", "text_or_ids", "x" * 300))
    >>> a.split()[:3] == b.split()[:3], len(a.split()), len(b.split())
    (True, 4, 5)
    """
    text = _text(arguments)
    step = max(_STEP, -(-len(text) // _MOST_STEPS) // _STEP * _STEP)
    digest, marks = hashlib.blake2b(digest_size=6), []
    for start in range(0, len(text), step):
        digest.update(text[start : start + step])
        marks.append(digest.copy().hexdigest())
    return " ".join(marks)


def _text(arguments: Packed) -> bytes:
    parts = arguments if isinstance(arguments, tuple) else ()
    for part in parts[2::2]:  # values of a mapping
        if isinstance(part, str) and len(part) >= 1:
            return part.encode("utf-8", "surrogatepass")
        if isinstance(part, np.ndarray) and part.dtype.kind in "iu":
            return part.astype(np.int64).tobytes()
        if isinstance(part, tuple) and len(part) > 1 and all(type(one) is int for one in part[1:]):
            return np.asarray(part[1:], np.int64).tobytes()
    return repr(arguments)[:4096].encode("utf-8", "surrogatepass")


class Places:
    """Where texts were asked, as one process knows it. Used on one event loop."""

    def __init__(self) -> None:
        self._of_mark: OrderedDict[str, str] = OrderedDict()

    def order(self, written: str, replicas: Sequence[str], load: Callable[[str], int]) -> list[str]:
        """The replicas in the order in which to try them.

        Args:
            written: the trail of the question.
            replicas: ids of those that are there, at least one.
            load: how many questions one has.
        """
        marks = written.split()
        whole = marks[-1] if marks else ""
        ranked = sorted(replicas, key=lambda one: hashlib.blake2b(f"{whole} {one}".encode(), digest_size=8).digest())
        known = self._known(marks, set(replicas))
        if known is not None:
            ranked.remove(known)
            ranked.insert(0, known)
        fewest = min(map(load, replicas))
        if load(ranked[0]) > fewest + EVEN:
            ranked.sort(key=load)  # stable: the rule again among equals
        for mark in marks:
            self._of_mark[mark] = ranked[0]
            self._of_mark.move_to_end(mark)
        while len(self._of_mark) > _MOST_MARKS:
            self._of_mark.popitem(last=False)
        return ranked

    def _known(self, marks: list[str], there: set[str]) -> str | None:
        """Who was asked for at least half of this text, the longest part first."""
        for mark in reversed(marks[(len(marks) - 1) // 2 :]):
            found = self._of_mark.get(mark)
            if found in there:
                return found
        return None
