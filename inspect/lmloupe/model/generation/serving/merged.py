"""The caches of several texts as one: each text's keys and values at the right end of its row, padding left of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

__all__ = ["MergedCache", "Pairs"]

Pairs = Sequence[tuple[torch.Tensor, torch.Tensor]]
"""Keys and values of each layer, (rows, heads, slots, width)."""

_ROOM = 64


class MergedCache:
    """What a model keeps of several texts, each in a row, for one pass that gives each a further token.

    Row r has its text in the last ``lengths[r]`` of as many slots as the longest text has tokens.

    Args:
        parts: for each of one or more texts that lie together, keys and values of each layer.
        lengths: tokens of each text, part after part.

    Attributes:
        lengths: tokens of each text.
    """

    def __init__(self, parts: Sequence[Pairs], lengths: Sequence[int]) -> None:
        self.lengths = list(lengths)
        self._fill(parts)

    def _fill(self, parts: Sequence[Pairs]) -> None:
        slots = max(self.lengths)
        self._layers = [
            _Layer(
                _side_by_side([part[number][0] for part in parts], slots),
                _side_by_side([part[number][1] for part in parts], slots),
                slots,
            )
            for number in range(len(parts[0]))
        ]
        self._cache = DynamicCache()
        self._cache.layers.extend(self._layers)

    @property
    def pairs(self) -> Pairs:
        """Keys and values of each layer, (rows, heads, slots, width), which the next pass writes beside."""
        return [layer.used for layer in self._layers]

    @property
    def _n_slots(self) -> int:
        return max(self.lengths)

    def inputs(self, tokens: torch.Tensor) -> dict[str, Any]:
        """What the model is called with to give each row a further token.

        Args:
            tokens: int64 (rows, 1).
        """
        lengths = torch.tensor(self.lengths, device=tokens.device)[:, None]
        slots = torch.arange(self._n_slots + 1, device=tokens.device)
        return {
            "input_ids": tokens,
            "attention_mask": (slots >= self._n_slots - lengths).long(),
            "position_ids": lengths,
            "past_key_values": self._cache,
            "use_cache": True,
        }

    def added(self) -> None:
        """Count the token that a pass has added to each row."""
        self.lengths = [length + 1 for length in self.lengths]

    def rewind(self) -> None:
        """Forget what a pass that failed has left in some of the layers."""
        for layer in self._layers:
            layer.rewind(self._n_slots)

    def select(self, rows: Sequence[int]) -> None:
        """Keep these rows, and no slot that is padding in all of them."""
        pairs = self.pairs
        self.lengths = [self.lengths[row] for row in rows]
        index = torch.tensor(rows, device=pairs[0][0].device)
        slots = self._n_slots
        self._fill([[(keys[index, :, -slots:], values[index, :, -slots:]) for keys, values in pairs]])

    def text(self, row: int, n: int) -> Pairs:
        """Keys and values of the first ``n`` tokens of a row, each (1, heads, n, width); a copy."""
        begin = self._n_slots - self.lengths[row]
        end = begin + n
        return [
            (keys[row : row + 1, :, begin:end].clone(), values[row : row + 1, :, begin:end].clone())
            for keys, values in self.pairs
        ]


def _side_by_side(parts: Sequence[torch.Tensor], slots: int) -> torch.Tensor:
    """The parts as rows of one tensor, each at the right end of ``slots``, with room behind for more.

    The padding is zeros: a mask makes nothing of a number, but not of NaN.
    """
    first = parts[0]
    rows = sum(len(part) for part in parts)
    result = first.new_zeros((rows, first.shape[1], slots + _ROOM, first.shape[3]))
    at = 0
    for part in parts:
        result[at : at + len(part), :, slots - part.shape[2] : slots] = part
        at += len(part)
    return result


class _Layer(DynamicLayer):  # type: ignore[no-untyped-call]
    """Keys and values that grow into memory that is there already: joining them anew copies all rows at each token.

    Args:
        keys: (rows, heads, at least n, width); the first ``n`` slots are in use.
        values: likewise.
        n: slots in use.
    """

    def __init__(self, keys: torch.Tensor, values: torch.Tensor, n: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.lazy_initialization(keys, values)
        self._all_keys, self._all_values = keys, values
        self.rewind(n)

    def rewind(self, n: int) -> None:
        """Go back to ``n`` slots."""
        self._n = n
        self.keys, self.values = self.used

    @property
    def used(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values of the slots in use."""
        return self._all_keys[:, :, : self._n], self._all_values[:, :, : self._n]

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Add what a pass has made; see transformers' ``DynamicLayer``."""
        n, end = self._n, self._n + key_states.shape[2]
        if end > self._all_keys.shape[2]:
            self._all_keys, self._all_values = _longer(self._all_keys), _longer(self._all_values)
        self._all_keys[:, :, n:end] = key_states
        self._all_values[:, :, n:end] = value_states
        self.rewind(end)
        return self.used


def _longer(tensor: torch.Tensor) -> torch.Tensor:
    rows, heads, slots, width = tensor.shape
    result = tensor.new_zeros((rows, heads, slots + max(_ROOM, slots // 4), width))
    result[:, :, :slots] = tensor
    return result
