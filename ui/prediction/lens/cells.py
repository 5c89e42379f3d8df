"""The cells of a logit lens that have been computed, in arrays: some hundred bytes each, however they came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import lmloupe as lm

__all__ = ["Cell", "Cells"]


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """What one layer says at one position: its ten best tokens, and where the last layer's answer stands.

    Attributes:
        token_ids: int32 (k,), best first.
        log_probs: float32 (k,), natural logs.
        entropy_bits: of the distribution over the whole vocabulary.
        final_log_prob: of the token that the last layer puts first.
        final_rank: its rank here, 1 where the layers agree.
        norm: Euclidean length of the residual stream.
    """

    token_ids: NDArray[np.int32]
    log_probs: NDArray[np.float32]
    entropy_bits: float
    final_log_prob: float
    final_rank: int
    norm: float


class _Layer:
    """One layer's cells: arrays over all positions of the text, and which of them are there."""

    def __init__(self, n: int, top_k: int) -> None:
        self.there = np.zeros(n, bool)
        self.token_ids = np.zeros((n, top_k), np.int32)
        self.log_probs = np.zeros((n, top_k), np.float32)
        self.entropy_bits, self.final_log_probs, self.norms = (np.zeros(n, np.float32) for _ in range(3))
        self.final_ranks = np.zeros(n, np.int32)


class Cells(Mapping[tuple[int, int], Cell]):
    """Cells by layer (0 is the embedding) and position, of a text of ``n`` tokens. One thread keeps a cell."""

    def __init__(self, n: int) -> None:
        self._n = n
        self._layers: dict[int, _Layer] = {}

    def keep(self, row: lm.LensRow) -> None:
        """Take in what the model said at some positions of a layer."""
        layer = self._layers.setdefault(row.layer, _Layer(self._n, row.token_ids.shape[1]))
        for name in ("token_ids", "log_probs", "entropy_bits", "final_log_probs", "final_ranks", "norms"):
            getattr(layer, name)[row.positions] = getattr(row, name)
        layer.there[row.positions] = True  # last: another session may read meanwhile

    def missing(self, n_layers: int) -> NDArray[np.bool_]:
        """Which cells are not there yet, bool (n_layers + 1, n)."""
        none = np.zeros(self._n, bool)
        layers = [self._layers.get(layer) for layer in range(n_layers + 1)]
        return ~np.stack([none if layer is None else layer.there for layer in layers])

    def __getitem__(self, place: tuple[int, int]) -> Cell:
        layer, at = self._layers[place[0]], place[1]
        if not layer.there[at]:
            raise KeyError(place)
        entropy = max(0.0, float(layer.entropy_bits[at]))  # rounding may bring a certain one below
        return Cell(
            layer.token_ids[at], layer.log_probs[at], entropy, float(layer.final_log_probs[at]),
            int(layer.final_ranks[at]), float(layer.norms[at]),
        )  # fmt: skip

    def __len__(self) -> int:
        return sum(int(layer.there.sum()) for layer in list(self._layers.values()))

    def __iter__(self) -> Iterator[tuple[int, int]]:
        for number, layer in list(self._layers.items()):
            yield from ((number, int(at)) for at in np.flatnonzero(layer.there))
