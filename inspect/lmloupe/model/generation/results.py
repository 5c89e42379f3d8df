"""What an engine says about the tokens that come next: plain data, without torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from lmloupe.model.constrained.results import ConstrainedStep
from lmloupe.model.running import Running
from lmloupe.model.sampling.pipeline import log_softmax

__all__ = ["EndedBy", "Generation", "NextToken", "Serving", "Step"]

EndedBy = Literal["", "stop", "length", "context", "grammar"]


@dataclass(frozen=True, slots=True, eq=False)
class NextToken:
    """The scores of every possible next token.

    Attributes:
        input_ids: int32 (n,), what the model read.
        logits: float32 (vocab_rows,), the raw scores after the last token.
    """

    input_ids: NDArray[np.int32]
    logits: NDArray[np.float32]

    @property
    def log_probs(self) -> NDArray[np.float64]:
        """float64 (vocab_rows,), natural logs of the probabilities; ``np.exp`` of them sums to 1."""
        return log_softmax(self.logits)


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One generated token and what else could have been said.

    Attributes:
        token_id: the id that was drawn.
        text: what it adds to the text; empty while a character is still incomplete.
        log_prob: its natural-log probability in the model's own distribution, before any sampling setting.
        top_ids: int32 (10,), the most probable ids of that distribution, best first.
        top_log_probs: float32 (10,), theirs.
        entropy_bits: entropy of that distribution in bits.
        elapsed_s: seconds since the prefill began; the first step's is the time to the first token.
        ended_by: what ended the generation with this step: ``"stop"`` (it is an end token), ``"length"`` (as many
            tokens as were asked for), ``"context"`` (the context is full) or ``"grammar"`` (the text satisfies its
            constraint and cannot go on); empty where it goes on.
        lens_ids: int32 (n_layers + 1,), the token that each depth puts first, where the lens was asked for; else None.
        lens_log_probs: float32 (n_layers + 1,), theirs at that depth.
        constrained: what the grammar did here, where there was a constraint; else None. All else of the step is the
            model's own, as without one.
    """

    token_id: int
    text: str
    log_prob: float
    top_ids: NDArray[np.int32]
    top_log_probs: NDArray[np.float32]
    entropy_bits: float
    elapsed_s: float
    ended_by: EndedBy = ""
    lens_ids: NDArray[np.int32] | None = None
    lens_log_probs: NDArray[np.float32] | None = None
    constrained: ConstrainedStep | None = None


@dataclass(frozen=True, slots=True)
class Serving:
    """How a model is shared among those who have it write, at the moment of the question.

    Attributes:
        n_writing: generations that are being read or written now.
        n_waiting: those that wait for one of these to end, in the order in which they came.
        most: most that are served at once.
        batched: whether the steps of several are computed as one; otherwise they take turns. Found out when two meet
            for the first time, and true until then unless the model's build rules it out.
        reason: why they take turns, in a plain sentence; empty where they need not.
        n_written: tokens that the model has written since it was loaded; two answers are equal without it.
        n_replicas: copies of the model over which all this is summed: more than 1 on a cluster alone.
    """

    n_writing: int
    n_waiting: int
    most: int
    batched: bool
    reason: str = ""
    n_written: int = field(default=0, compare=False)
    n_replicas: int = field(default=1, compare=False)


class Generation(Running[Step], Protocol):
    """A running generation, token by token."""

    @property
    def ahead(self) -> int:
        """How many others wait before this one; 0 when it is served, and when it is the next one."""

    @property
    def waits(self) -> bool:
        """Whether its turn has not come yet: as many as the model serves at once are being served."""

    @property
    def reused_tokens(self) -> int:
        """Tokens of the prompt that were not read again, because the model had read a text with the same beginning.

        Known with the first step; 0 before.
        """
