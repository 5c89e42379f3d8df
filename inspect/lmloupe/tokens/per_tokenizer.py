"""A small cache of values that are computed per tokenizer, for the tokenizers that were used last."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["PerTokenizer"]

T = TypeVar("T")


class PerTokenizer(Generic[T]):
    """A function of a tokenizer that remembers its last results; safe to call from many threads.

    The tokenizer itself is kept beside its result, so that its identity is not given to another object.

    >>> from lmloupe import load_tokenizer
    >>> sizes = PerTokenizer(lambda tok: [tok.vocab_size])
    >>> sizes(load_tokenizer("phi-3")) is sizes(load_tokenizer("phi-3"))
    True
    """

    def __init__(self, build: Callable[[Tokenizer], T], *, size: int = 8) -> None:
        self._build = build
        self._size = size
        self._kept: OrderedDict[int, tuple[Tokenizer, T]] = OrderedDict()
        self._lock = threading.Lock()
        self._building: dict[int, tuple[threading.Lock, int]] = {}

    def __call__(self, tok: Tokenizer) -> T:
        """The result for this tokenizer, worked out at its first use.

        Threads that ask for the same tokenizer wait for one of them to work it out; those that ask for another do not.
        """
        key = id(tok.backend)
        with self._lock:
            if key in self._kept:
                return self._known(key)
            own, waiting = self._building.get(key, (threading.Lock(), 0))
            self._building[key] = own, waiting + 1
        try:
            with own:
                with self._lock:
                    if key in self._kept:
                        return self._known(key)
                made = self._build(tok)
                with self._lock:
                    self._kept[key] = tok, made
                    while len(self._kept) > self._size:
                        self._kept.popitem(last=False)
                return made
        finally:
            with self._lock:
                _, waiting = self._building[key]
                if waiting > 1:
                    self._building[key] = own, waiting - 1
                else:
                    del self._building[key]

    def _known(self, key: int) -> T:
        self._kept.move_to_end(key)
        return self._kept[key][1]
