"""What the strategies say of the texts that they find: plain data, without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lmloupe.model.running import Running

__all__ = ["BeamSearch", "BeamStep", "BeamText", "ContrastiveSearch", "ContrastiveStep", "EarlyStopping", "Fate"]

Fate: TypeAlias = Literal["kept", "finished", "dropped"]
EarlyStopping: TypeAlias = Literal["never"] | bool


@dataclass(frozen=True, slots=True, eq=False)
class BeamText:
    """A text that a beam search has finished.

    Attributes:
        token_ids: int32 (m,), without the prompt; the end token is the last where one ended it.
        log_probs: float32 (m,), natural logs of the probabilities of its tokens.
        score: their sum divided by ``m ** length_penalty``: what finished texts are ranked by.
        ended_by: ``"stop"``, ``"length"`` or ``"context"``, as in `Step`.
        path: int32 (m,), at each step the index of its candidate among those of that `BeamStep`.
    """

    token_ids: NDArray[np.int32]
    log_probs: NDArray[np.float32]
    score: float
    ended_by: Literal["stop", "length", "context"]
    path: NDArray[np.int32]

    @property
    def log_prob(self) -> float:
        """Natural log of the probability of the whole text after the prompt."""
        return float(self.log_probs.sum(dtype=np.float64))


@dataclass(frozen=True, slots=True, eq=False)
class BeamStep:
    """One step of a beam search: the best continuations of all beams, and which of them go on.

    Attributes:
        parents: int32 (c,), which beam each candidate continues, in the order of the step before's ``kept``.
        token_ids: int32 (c,), its token.
        log_probs: float32 (c,), natural log of the token's probability after its beam.
        scores: float32 (c,), natural log of the probability of the beam with the token; largest first.
        fates: (c,), ``"kept"`` as a beam of the next step, ``"finished"`` by an end token or at the end of the length,
            or ``"dropped"``. An end token that is not among the best ``num_beams`` candidates is dropped.
        kept: int32 (num_beams,), the candidates that are the next step's beams; none after the last step.
        finished: the best finished texts so far, at most ``num_beams``, best first; those of the last step are the
            result.
        elapsed_s: seconds since the prefill began.
        ended_by: why the search ended with this step: ``"finished"`` (``num_beams`` texts have ended, and by the rule
            of ``early_stopping`` that is enough), ``"length"`` or ``"context"``; empty where it goes on.
    """

    parents: NDArray[np.int32]
    token_ids: NDArray[np.int32]
    log_probs: NDArray[np.float32]
    scores: NDArray[np.float32]
    fates: tuple[Fate, ...]
    kept: NDArray[np.int32]
    finished: tuple[BeamText, ...]
    elapsed_s: float
    ended_by: Literal["", "finished", "length", "context"] = ""


class BeamSearch(Running[BeamStep], Protocol):
    """A running beam search, step by step."""


@dataclass(frozen=True, slots=True, eq=False)
class ContrastiveStep:
    """One step of a contrastive search: the candidates, and both terms of their scores.

    Attributes:
        token_id: the candidate that was taken.
        text: what it adds to the text; empty while a character is still incomplete.
        log_prob: natural log of its probability in the model's own distribution.
        candidate_ids: int32 (k,), the most probable tokens, best first.
        probs: float32 (k,), their probabilities.
        penalties: float32 (k,), the largest cosine of the candidate's last hidden state with those of all tokens
            before it.
        scores: float32 (k,), ``(1 - penalty_alpha) * probs - penalty_alpha * penalties``; the largest is taken.
        nearest: int32 (k,), the position in the whole text, from 0, where that cosine is largest.
        elapsed_s: seconds since the prefill began.
        ended_by: as in `Step`.
    """

    token_id: int
    text: str
    log_prob: float
    candidate_ids: NDArray[np.int32]
    probs: NDArray[np.float32]
    penalties: NDArray[np.float32]
    scores: NDArray[np.float32]
    nearest: NDArray[np.int32]
    elapsed_s: float
    ended_by: Literal["", "stop", "length", "context"] = ""


class ContrastiveSearch(Running[ContrastiveStep], Protocol):
    """A running contrastive search, token by token."""
