"""Generations as the pages keep them: what a session sees, and finished ones for everyone.

A finished run is a function of model, quantization, prompt, settings and seed, so thirty students who open
the same link share one; the model computes it once.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np
import streamlit as st

import lmloupe as lm

__all__ = ["Request", "Run", "finished_run", "keep_finished"]


@dataclass(frozen=True, slots=True)
class Request:
    """Everything that determines a generation."""

    model: str
    quantization: lm.Quantization
    ids: tuple[int, ...]
    sampling: lm.Sampling
    max_new_tokens: int
    seed: int
    lens: bool = False
    """Whether every step records what each layer would have said."""
    stop_ids: tuple[int, ...] | None = None
    """Tokens that end it; None for the model's own."""


@dataclass(slots=True)
class Run:
    """One generation, finished or not."""

    request: Request
    steps: list[lm.Step] = field(default_factory=list)
    finished: bool = False
    stopped: bool = False
    """This session has pressed Stop; what is there stays."""

    @property
    def first_token_s(self) -> float:
        """Seconds from the start to the first token: the prefill and one step."""
        return self.steps[0].elapsed_s if self.steps else 0.0

    @property
    def tokens_per_s(self) -> float | None:
        """Tokens per second while decoding, the first token (the prefill's) left out."""
        if len(self.steps) < 2:
            return None
        return (len(self.steps) - 1) / (self.steps[-1].elapsed_s - self.steps[0].elapsed_s)

    def encoding(self, tok: lm.Tokenizer) -> lm.Encoding:
        """The generated ids, with the text that they spell."""
        return lm.spell(tok, np.array([step.token_id for step in self.steps], np.int64))


class _Shelf:
    """Finished runs, the oldest let go first."""

    def __init__(self, room: int = 64) -> None:
        self._runs: dict[Request, Run] = {}
        self._lock = threading.Lock()
        self._room = room

    def find(self, request: Request) -> Run | None:
        with self._lock:
            return self._runs.get(request)

    def keep(self, run: Run) -> None:
        with self._lock:
            self._runs[run.request] = run
            while len(self._runs) > self._room:
                del self._runs[next(iter(self._runs))]


@st.cache_resource(show_spinner=False)
def _shelf() -> _Shelf:
    return _Shelf()


def finished_run(request: Request) -> Run | None:
    """The run of this request if anyone has let it finish."""
    return _shelf().find(request)


def keep_finished(run: Run) -> None:
    """Let other sessions have a finished run."""
    run.finished = True
    _shelf().keep(run)
