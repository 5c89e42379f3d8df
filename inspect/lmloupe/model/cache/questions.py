"""The questions about a model's cache, a part of `lmloupe.Engine`."""

from __future__ import annotations

from typing import Protocol

from lmloupe.encodings.encoding import TextOrIds
from lmloupe.model.cache.results import CacheGrowth, CacheRace, CacheReuse, KeysValues, KVCache

__all__ = ["CacheQuestions"]


class CacheQuestions(Protocol):
    """What a model keeps of a text between two tokens; texts, ids and errors as `lmloupe.Engine` says."""

    def kv_cache(self, text_or_ids: TextOrIds, step: int | None = None) -> KVCache:
        """The bytes of the cache as a text grows, measured on the tensors of the running model.

        The text is read in steps, and after each one the ``nbytes`` of every tensor in transformers' own cache are
        noted. Nothing beside the cache is counted: neither what the passes need nor a larger memory that a server may
        set aside.

        Args:
            text_or_ids: the text.
            step: how many tokens to read between two measurements, at least 1. None is 1 for up to 128 tokens, and for
                a longer text so many that there are at most 128 measurements. A model that goes on by single tokens
                only has its beginning read at once.

        Raises:
            NotAvailableError: the model has no cache, or none in transformers' form (RWKV, xLSTM).
        """

    def kv_cache_growth(
        self, text_or_ids: TextOrIds, step: int | None = None, *, background: bool = False
    ) -> CacheGrowth:
        """What `kv_cache` gives at the end, after every step of the text.

        Args:
            text_or_ids: the text.
            step: see `kv_cache`.
            background: let every other question of anybody go ahead.

        Returns:
            An iterator of `KVCache` that starts at once and can be polled and closed. NotAvailableError comes out of
            it.
        """

    def keys_and_values(self, text_or_ids: TextOrIds, layer: int) -> KeysValues:
        """The keys and values that a layer keeps of a text, as attention multiplies with them.

        Args:
            text_or_ids: the text.
            layer: 0 to ``n_layers`` - 1.

        Raises:
            NotAvailableError: no cache, or a layer that keeps neither: a state, or another layer's.
        """

    def with_and_without_cache(
        self, text_or_ids: TextOrIds, max_new_tokens: int = 32, *, background: bool = False
    ) -> CacheRace:
        """Decode greedily twice, one token at a time in turn: from the cache, and by reading the whole text again.

        The tokens are the same but for ties: both ways add the same products in another order, so that the scores
        differ by rounding, and two tokens whose scores are closer than that may change places. `RaceStep.difference`
        says how far apart the scores were. The first step of both reads the whole text.

        Args:
            text_or_ids: the text to go on from.
            max_new_tokens: at least 1; fewer come at an end token of either way or at the end of the context.
            background: let every other question of anybody go ahead.

        Returns:
            An iterator of `RaceStep` that starts at once and can be polled and closed.

        Raises:
            NotAvailableError: the model has no cache that can be continued; comes out of the iterator.
        """

    def reuse_cache(self, cached: TextOrIds, following: TextOrIds) -> CacheReuse:
        """Read a text, crop its cache to what another one begins with and go on from there; and read that from scratch.

        What a server does with the next turn of a conversation. `lmloupe.served_prompts` gives such pairs.

        Args:
            cached: the text that was read before.
            following: the text whose next token is wanted.

        Raises:
            NotAvailableError: the cache cannot be cropped: a window that has dropped tokens, a state of everything.
        """
