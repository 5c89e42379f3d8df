"""The logit lens of a text as the Layers page keeps it: what has been computed stays, only the rest is asked for.

A lens is a function of model, quantization and ids, so all sessions share one, and each cell is computed once: who asks
the model for cells claims their positions, and whoever else needs them waits for the same ones.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import streamlit as st

import lmloupe as lm
from ui.prediction.lens.cells import Cell, Cells

__all__ = ["TOP_K", "Cell", "Claim", "LensRequest", "LensRun", "Part", "lens_run"]

TOP_K = 10
WATCHED_S = 15.0
"""For so long after a page's last sign of life (one a second) its session counts as looking at the lens."""


@dataclass(frozen=True, slots=True)
class LensRequest:
    """Everything that determines a lens."""

    model: str
    quantization: lm.Quantization
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """Cells to ask the model for: layers, the last one first, at rising positions that lack just these."""

    layers: list[int]
    positions: list[int]


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """Positions whose cells somebody computes. ``wanted`` is set when a page needs them before the background does."""

    positions: frozenset[int]
    background: bool
    wanted: threading.Event = field(default_factory=threading.Event)


class LensRun:
    """The cells that are there, who computes which of the others, and which sessions look at them."""

    def __init__(self, request: LensRequest) -> None:
        self.request = request
        self.cells = Cells(len(request.ids))
        self.looks_at = 0
        """The first position on the screen that was drawn last: the background goes on from there."""
        self.failed: Exception | None = None
        """What went wrong in the background."""
        self._claims: list[Claim] = []
        self._waiting: list[Claim] = []
        self._seen: dict[str, float] = {}
        self._lock = threading.Lock()

    def has(self, n_layers: int, positions: range) -> bool:
        """Whether every layer has a cell at every position."""
        return self.part(n_layers, positions) is None

    def n_missing(self, n_layers: int) -> int:
        """How many cells of the whole text are not there yet."""
        return (n_layers + 1) * len(self.request.ids) - len(self.cells)

    def part(self, n_layers: int, positions: Iterable[int], at_most: int | None = None) -> Part | None:
        """What to ask for next at these positions: from the first one on that lacks a cell, those that lack the same.

        Args:
            n_layers: of the model.
            positions: in the order in which they are wanted.
            at_most: so many positions, at most.
        """
        wanted = np.fromiter(positions, np.int64)
        missing = self.cells.missing(n_layers)[:, wanted]
        lacking = np.flatnonzero(missing.any(0))
        if len(lacking) == 0:
            return None
        first = missing[:, lacking[0]]
        alike = lacking[(missing[:, lacking] == first[:, None]).all(0)][:at_most]
        return Part(np.flatnonzero(first)[::-1].tolist(), np.sort(wanted[alike]).tolist())

    @contextmanager
    def claim(self, positions: Iterable[int], *, background: bool = False) -> Iterator[Claim | None]:
        """Have these positions to oneself while the block runs; None where somebody else has one of them.

        The background is asked to give up its own when a page wants them.
        """
        mine = Claim(frozenset(positions), background)
        with self._lock:
            others = [claim for claim in self._claims if not claim.positions.isdisjoint(mine.positions)]
            for other in others:
                if other.background and not background:
                    other.wanted.set()
            # A page that waits keeps the background from taking them again.
            (self._waiting if others else self._claims).append(mine)
        try:
            yield None if others else mine
        finally:
            with self._lock:
                (self._waiting if others else self._claims).remove(mine)

    def free(self) -> list[int]:
        """Positions that nobody has claimed or waits for: from `looks_at` to the end, then those before it."""
        with self._lock:
            claimed = {position for claim in (*self._claims, *self._waiting) for position in claim.positions}
        n = len(self.request.ids)
        return [position for position in (*range(self.looks_at, n), *range(self.looks_at)) if position not in claimed]

    def watch(self, session: str) -> None:
        """Note that a session looks at the lens, so that the rest of it is worth computing."""
        with self._lock:
            self._seen[session] = time.monotonic()

    def leave(self, session: str) -> None:
        """Note that a session does not want the rest."""
        with self._lock:
            self._seen.pop(session, None)

    @property
    def watched(self) -> bool:
        """Whether a session looks at the lens and wants the rest of it."""
        with self._lock:
            return any(time.monotonic() - seen < WATCHED_S for seen in self._seen.values())


class _Shelf:
    """Lenses of some texts, the one let go first that nobody has asked for the longest."""

    def __init__(self, room: int = 32) -> None:
        self._runs: dict[LensRequest, LensRun] = {}
        self._lock = threading.Lock()
        self._room = room

    def find(self, request: LensRequest) -> LensRun:
        with self._lock:
            run = self._runs.pop(request) if request in self._runs else LensRun(request)
            self._runs[request] = run
            while len(self._runs) > self._room:
                del self._runs[next(iter(self._runs))]
            return run


@st.cache_resource(show_spinner=False)
def _shelf() -> _Shelf:
    return _Shelf()


def lens_run(request: LensRequest) -> LensRun:
    """The lens of this request, with what anyone has let it compute."""
    return _shelf().find(request)
