"""What is costly to derive from a tokenizer, kept for the few tokenizers that were used last."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from lmloupe.tokenizer import Tokenizer

__all__ = ["PerTokenizer"]

T = TypeVar("T")


class PerTokenizer(Generic[T]):
    """A function of a tokenizer that remembers its last results; safe to call from many threads.

    The tokenizer itself is kept beside its result, so that its identity is not given to another object.

    >>> from lmloupe.tokenizer import load_tokenizer
    >>> sizes = PerTokenizer(lambda tok: [tok.vocab_size])
    >>> sizes(load_tokenizer("phi-3")) is sizes(load_tokenizer("phi-3"))
    True
    """

    def __init__(self, build: Callable[[Tokenizer], T], *, size: int = 8) -> None:
        self._build = build
        self._size = size
        self._kept: OrderedDict[int, tuple[Tokenizer, T]] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, tok: Tokenizer) -> T:
        """The result for this tokenizer, worked out at its first use."""
        key = id(tok.backend)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = tok, self._build(tok)
                while len(self._kept) > self._size:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return self._kept[key][1]
