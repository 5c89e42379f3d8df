"""All heads of all blocks at a glance: four numbers and a small pattern each, from one pass.

The weights themselves grow with the square of the text, so each block's are reduced where they are computed. Those of a
short text are kept besides: whoever then looks at one block needs no further pass.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from lmloupe.errors import NotAvailableError
from lmloupe.model.inside.attention import attention_pass, numbers_of
from lmloupe.model.inside.results import AttentionSummary, AttentionWeights

__all__ = ["KeptAttention", "pattern_of", "summary_of_heads"]

_MOST_KEPT_BYTES = 64 << 20

Numbers = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]


class KeptAttention:
    """The weights of all blocks of the text that was summarized last, where they are few enough."""

    def __init__(self) -> None:
        self._ids = b""
        self._weights: dict[int, AttentionWeights] = {}

    def find(self, input_ids: NDArray[np.int32], layer: int) -> AttentionWeights | None:
        """Those of one block, if they are there."""
        return self._weights.get(layer) if self._ids == input_ids.tobytes() else None

    def keep(self, input_ids: NDArray[np.int32], weights: dict[int, AttentionWeights]) -> None:
        """Keep these in place of those before."""
        self._ids, self._weights = input_ids.tobytes(), weights


def summary_of_heads(
    model: Any, blocks: nn.ModuleList | None, input_ids: NDArray[np.int32], cells: int, kept: KeptAttention
) -> AttentionSummary:
    """What `lmloupe.Engine.attention_summary` answers. Run in the worker's thread."""
    n_blocks, side = len(blocks or ()), min(cells, len(input_ids))
    found: dict[int, tuple[Numbers, NDArray[np.float32]]] = {}
    whole: dict[int, AttentionWeights] = {}

    def take(number: int, module: nn.Module, tensor: torch.Tensor) -> None:
        one = numbers_of(model, input_ids, number, module, tensor, [])
        found[number] = _numbers(one.weights), pattern_of(one.weights, side)
        if one.weights.nbytes * n_blocks <= _MOST_KEPT_BYTES:
            whole[number] = one

    layers = attention_pass(model, blocks, input_ids, take)
    if not layers:
        raise NotAvailableError(
            f"No block of {type(model).__name__} gives attention weights: attention is not available for this model."
        )
    kept.keep(input_ids, {number: _with_layers(one, layers) for number, one in whole.items()})
    n_heads = max(len(pattern) for _, pattern in found.values())
    numbers = np.full((4, n_blocks, n_heads), np.nan, np.float32)
    patterns = np.full((n_blocks, n_heads, side, side), np.nan, np.float32)
    for number, (values, pattern) in found.items():
        numbers[:, number, : len(pattern)] = values
        patterns[number, : len(pattern)] = pattern
    first, previous, itself, entropy = numbers
    return AttentionSummary(input_ids, first, previous, itself, entropy, patterns, tuple(layers))


def _with_layers(one: AttentionWeights, layers: list[int]) -> AttentionWeights:
    return AttentionWeights(one.input_ids, one.layer, one.weights, one.sink, one.module, tuple(layers))


def _numbers(weights: NDArray[np.float32]) -> Numbers:
    """Mean over the tokens after the first: share on the first, on the one before, on itself; entropy in bits."""
    n = weights.shape[1]
    if n == 1:  # nothing to choose from
        none = np.zeros(len(weights), np.float32)
        return weights[:, 0, 0], none, weights[:, 0, 0], none
    rows, place = weights[:, 1:], np.arange(1, n)
    logs = np.log2(rows, out=np.zeros_like(rows), where=rows > 0)
    before, itself = weights[:, place, place - 1], weights[:, place, place]
    return rows[:, :, 0].mean(1), before.mean(1), itself.mean(1), -(rows * logs).sum(-1).mean(1)


def pattern_of(weights: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Weights of heads, (n_heads, n, n), by groups of neighbouring tokens, (n_heads, side, side).

    A cell is the share that the tokens of one group, on average, read from all tokens of another: rows still sum to
    what they summed to before.

    >>> half = np.array([[[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0, 0.5, 0.5, 0], [0.25, 0.25, 0.25, 0.25]]], np.float32)
    >>> pattern_of(half, 2).tolist()
    [[[1.0, 0.0], [0.5, 0.5]]]
    """
    n = weights.shape[1]
    starts = np.arange(side) * n // side
    sizes = np.diff(np.append(starts, n)).astype(np.float32)
    by_key = np.add.reduceat(weights, starts, axis=2)
    pooled = np.add.reduceat(by_key, starts, axis=1) / sizes[:, None]
    return pooled.astype(np.float32, copy=False)
