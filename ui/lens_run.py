"""The logit lens of a text as the Layers page keeps it: what has been computed stays, only the rest is asked for.

A lens is a function of model, quantization and ids, so all sessions share one.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np
import streamlit as st
from numpy.typing import NDArray

import lmloupe as lm

__all__ = ["TOP_K", "Cell", "LensRequest", "LensRun", "lens_run"]

TOP_K = 10


@dataclass(frozen=True, slots=True)
class LensRequest:
    """Everything that determines a lens."""

    model: str
    quantization: lm.Quantization
    ids: tuple[int, ...]


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


@dataclass(slots=True)
class LensRun:
    """The cells that are there, by layer (0 is the embedding) and position."""

    request: LensRequest
    cells: dict[tuple[int, int], Cell] = field(default_factory=dict)

    def has(self, n_layers: int, positions: range) -> bool:
        """Whether every layer has a cell at every position."""
        return not self.missing(n_layers, positions)

    def missing(self, n_layers: int, positions: range) -> list[int]:
        """Layers, the last one first, that lack a cell at one of the positions."""
        return [
            layer
            for layer in range(n_layers, -1, -1)
            if any((layer, position) not in self.cells for position in positions)
        ]


class _Shelf:
    """Lenses of a few texts, the oldest let go first."""

    def __init__(self, room: int = 8) -> None:
        self._runs: dict[LensRequest, LensRun] = {}
        self._lock = threading.Lock()
        self._room = room

    def find(self, request: LensRequest) -> LensRun:
        with self._lock:
            run = self._runs.setdefault(request, LensRun(request))
            while len(self._runs) > self._room:
                del self._runs[next(iter(self._runs))]
            return run


@st.cache_resource(show_spinner=False)
def _shelf() -> _Shelf:
    return _Shelf()


def lens_run(request: LensRequest) -> LensRun:
    """The lens of this request, with what anyone has let it compute."""
    return _shelf().find(request)
