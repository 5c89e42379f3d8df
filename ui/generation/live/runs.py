"""One generation as a session has it: what was asked for, the steps so far, and whether it goes on."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import numpy as np

import lmloupe as lm

__all__ = ["Request", "Run", "bare"]


@dataclass(frozen=True, slots=True)
class Request:
    """Everything that determines a generation: equal ones are computed once for all sessions."""

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
    constraint: lm.Constraint | None = None
    """What the text has to be."""


@dataclass(slots=True)
class Run:
    """One generation, finished or not, as one session sees it: others may watch the same one for longer."""

    request: Request
    steps: list[lm.Step] = field(default_factory=list)
    finished: bool = False
    """The model has ended it."""
    stopped: bool = False
    """This session has pressed Stop; what is there stays."""
    failed: Exception | None = None
    """What ended it, if an exception did; `stream` raises it again."""
    reused_tokens: int = 0
    """How many tokens of the prompt were in a cache already, so that the prefill did not read them again."""

    @property
    def going(self) -> bool:
        """Whether `stream` has still something to do; a page that runs again meanwhile calls it again."""
        return not self.finished and not self.stopped

    @property
    def first_token_s(self) -> float:
        """Seconds from the start to the first token: the prefill, whose pass gives it."""
        return self.steps[0].elapsed_s if self.steps else 0.0

    @property
    def tokens_per_s(self) -> float | None:
        """Tokens per second while decoding, the first token (the prefill's) left out."""
        if len(self.steps) < 2 or self.steps[-1].elapsed_s <= self.steps[0].elapsed_s:
            return None
        return (len(self.steps) - 1) / (self.steps[-1].elapsed_s - self.steps[0].elapsed_s)

    @property
    def ids(self) -> list[int]:
        """What has been written."""
        return [step.token_id for step in self.steps]

    def encoding(self, tok: lm.Tokenizer) -> lm.Encoding:
        """The generated ids, with the text that they spell."""
        return lm.spell(tok, np.array(self.ids, np.int64))


def bare(error: Exception) -> Exception:
    """An error to be kept: like the one that was raised, without the frames it came through, which hold the model."""
    try:
        return copy.copy(error).with_traceback(None)
    except TypeError:  # one whose arguments are not those it was made with
        return error.with_traceback(None)
