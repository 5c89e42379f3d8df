"""What an engine says about its cache: plain data, without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lmloupe.model.running import Running

__all__ = [
    "CacheGrowth",
    "CacheKind",
    "CacheLayer",
    "CacheRace",
    "CacheReuse",
    "CacheTensor",
    "KVCache",
    "KeysValues",
    "RaceStep",
]

CacheKind: TypeAlias = Literal["full", "window", "latent", "state", "hybrid", "shared", "nothing"]
"""What a layer keeps.

``full``: keys and values of every token. ``window``: of the last tokens only. ``latent``: for every token the
compressed vector that its keys and values are multiplied out of. ``state``: a state of constant size, whatever the
length of the text. ``hybrid``: such a state, and keys and values. ``shared``: it reads the keys and values of a layer
before it. ``nothing``: no tensor in the cache.
"""


@dataclass(frozen=True, slots=True)
class CacheTensor:
    """One tensor of a cache.

    Attributes:
        name: as transformers calls it: ``keys``, ``values``, ``conv_states[0]`` ...
        shape: with the batch of 1 in front: keys and values are (1, kv heads, tokens, head dim).
        dtype: such as ``float32``.
        bytes: the tensor's own ``nbytes``.
        allocated_bytes: of the memory that it lies in. A window's tensor is the end of a larger one that stays in
            memory until the next token.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int
    allocated_bytes: int


@dataclass(frozen=True, slots=True)
class CacheLayer:
    """What one layer keeps after the whole text.

    Attributes:
        layer: from 0.
        kind: see `CacheKind`.
        n_tokens: how many tokens it keeps something of; 0 where it keeps a state alone.
        most_tokens: most that it ever keeps between two tokens; None where there is no limit.
        tensors: what it keeps.
    """

    layer: int
    kind: CacheKind
    n_tokens: int
    most_tokens: int | None
    tensors: tuple[CacheTensor, ...]

    @property
    def bytes(self) -> int:
        """The sum of its tensors' own ``nbytes``."""
        return sum(tensor.bytes for tensor in self.tensors)


@dataclass(frozen=True, slots=True, eq=False)
class KVCache:
    """A model's cache after a text, and on the way there.

    Attributes:
        input_ids: int32 (n,), the text.
        layers: what each layer keeps after the last of the tokens that were read.
        n_read: int32 (m,), after how many tokens the cache was measured; the last is n when all is read.
        bytes: int64 (m, n_layers), ``nbytes`` of each layer's tensors then.
        allocated_bytes: int64 (m, n_layers), of the memory that they lay in.
        n_heads: query heads of a layer by the config; 0 without attention.
        n_kv_heads: heads of keys and values by the config; 0 without attention.
        head_dim: numbers in one key, by the config.
        bytes_per_number: of one key's number.
        formula_per_token: 2 · kv heads · head dim · bytes, summed over the layers that keep keys and values of their
            own, by the config alone; 0 where none does.
        is_rotated: whether the model turns queries and keys by their positions (RoPE). Keys are kept turned.
    """

    input_ids: NDArray[np.int32]
    layers: tuple[CacheLayer, ...]
    n_read: NDArray[np.int32]
    bytes: NDArray[np.int64]
    allocated_bytes: NDArray[np.int64]
    n_heads: int
    n_kv_heads: int
    head_dim: int
    bytes_per_number: int
    formula_per_token: int
    is_rotated: bool

    @property
    def total_bytes(self) -> NDArray[np.int64]:
        """int64 (m,), of all layers."""
        total: NDArray[np.int64] = self.bytes.sum(1)
        return total

    @property
    def formula_bytes(self) -> NDArray[np.int64]:
        """int64 (m,), 2 · layers · kv heads · head dim · tokens · bytes: as if every layer kept every token."""
        return self.formula_per_token * self.n_read.astype(np.int64)

    @property
    def full_heads_bytes(self) -> int:
        """By the formula: what the tokens read would take with as many heads of keys and values as of queries."""
        if not self.n_kv_heads:
            return 0
        return int(self.formula_bytes[-1]) * self.n_heads // self.n_kv_heads

    @property
    def kv_head_of(self) -> NDArray[np.int32]:
        """int32 (n_heads,), the head of keys and values that each query head reads: neighbours share one."""
        group = max(1, self.n_heads // max(1, self.n_kv_heads))
        return np.arange(self.n_heads, dtype=np.int32) // group

    @property
    def kinds(self) -> tuple[CacheKind, ...]:
        """The kinds of layers, each once, in the order in which they come."""
        return tuple(dict.fromkeys(layer.kind for layer in self.layers))


@dataclass(frozen=True, slots=True, eq=False)
class KeysValues:
    """Keys and values that one layer keeps after a text.

    Attributes:
        input_ids: int32 (n,), the text.
        layer: from 0.
        kind: see `CacheKind`.
        positions: int32 (k,), the tokens that are kept: of a window, the last.
        keys: float32 (n_kv_heads, k, key_dim), as attention multiplies with them: turned by their positions where the
            model does that (RoPE). Of a ``latent`` layer the first of its two tensors.
        values: float32 (n_kv_heads, k, value_dim).
        dtype: in which they are kept.
        is_rotated: whether the layer turns keys by their positions.
        pair_of: int32 (key_dim,), the dimension that each one is turned with, -1 for one that is not turned; empty
            where the model does not say.
        radians: float32 (key_dim,), how far each pair is turned from one token to the next; empty as ``pair_of``.
    """

    input_ids: NDArray[np.int32]
    layer: int
    kind: CacheKind
    positions: NDArray[np.int32]
    keys: NDArray[np.float32]
    values: NDArray[np.float32]
    dtype: str
    is_rotated: bool
    pair_of: NDArray[np.int32]
    radians: NDArray[np.float32]

    @property
    def unturned_keys(self) -> NDArray[np.float32]:
        """float32, as ``keys``: turned back, so that a token's key no longer depends on its place; see ``pair_of``."""
        if not len(self.pair_of):
            return self.keys
        turned = self.pair_of >= 0
        angle = self.positions[:, None] * self.radians.astype(np.float64)
        # rotate_half gives the first of a pair the second with a minus, and the second the first.
        sign = np.where(np.arange(len(self.pair_of)) < self.pair_of, 1.0, -1.0) * turned
        keys = self.keys * np.cos(angle) + sign * self.keys[..., self.pair_of] * np.sin(angle)
        back: NDArray[np.float32] = keys.astype(np.float32)
        return back


@dataclass(frozen=True, slots=True)
class RaceStep:
    """One token, decoded twice.

    Attributes:
        token_id: the most probable one, with the cache.
        other_id: the same without it.
        seconds: of the pass with the cache.
        other_seconds: without it.
        n_read: tokens that the pass with the cache read.
        n_other_read: without it: the whole text so far.
        difference: largest difference between the two rows of logits; nan once the two texts differ.
        cache_bytes: what the cache keeps after the pass.
    """

    token_id: int
    other_id: int
    seconds: float
    other_seconds: float
    n_read: int
    n_other_read: int
    difference: float
    cache_bytes: int


class CacheGrowth(Running[KVCache], Protocol):
    """A text that is being read: the cache after each step, the measurements before it included."""


class CacheRace(Running[RaceStep], Protocol):
    """A running race, step by step."""


@dataclass(frozen=True, slots=True, eq=False)
class CacheReuse:
    """A text read from the cache of another one that begins alike, against the same text read from its first token.

    Attributes:
        n_cached: tokens of the text that the cache was of.
        n_following: tokens of the text that was asked for.
        n_shared: tokens at the beginning in which both agree.
        n_kept: tokens of the cache that were used; one fewer than ``n_shared`` where the second text is the beginning
            of the first, because scores come from reading its last token.
        logits: float32 (vocab_rows,), after the last token, by way of the cache.
        scratch_logits: float32 (vocab_rows,), by reading everything.
        seconds: crop the cache and read the rest.
        scratch_seconds: read everything.
        kept_bytes: of the cache after it was cropped, before the rest was read.
    """

    n_cached: int
    n_following: int
    n_shared: int
    n_kept: int
    logits: NDArray[np.float32]
    scratch_logits: NDArray[np.float32]
    seconds: float
    scratch_seconds: float
    kept_bytes: int

    @property
    def n_read(self) -> int:
        """Tokens that had to be read."""
        return self.n_following - self.n_kept

    @property
    def difference(self) -> float:
        """The largest difference between the two rows of logits: rounding, as pieces are multiplied otherwise."""
        apart = np.abs(self.logits - self.scratch_logits)
        return float(np.nanmax(apart))
