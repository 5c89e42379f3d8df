"""What speculative decoding says of each of its passes, and of all together: plain data, without torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lmloupe.model.generation.results import Step
from lmloupe.model.running import Running

__all__ = ["Draft", "Speculation", "SpeculationStep", "SpeculationTotals", "speculation_totals"]

Draft: TypeAlias = Literal["prompt_lookup", "early_layer"]


@dataclass(frozen=True, slots=True, eq=False)
class SpeculationStep:
    """One pass of the model: the tokens that were drafted for it, and what it made of them.

    Attributes:
        drafted_ids: int32 (m,), the draft; none where nothing was found to draft, or where only one token was wanted.
        draft_probs: float64 (m,), q: the probability that the draft gave each of them. 1 where it proposes one token
            and no other: always by prompt lookup, and at temperature 0.
        target_probs: float64 (m,), p: the probability that the model gave each of them, after the sampling settings;
            nan for those that come after a rejected one, which the model never judges.
        n_accepted: how many of them, from the first, became part of the text.
        tokens: the accepted ones, and then the model's own: the one drawn in place of the rejected one, or a further
            one where all were accepted. None of its own where an accepted token ended the text.
        n_read: tokens that the pass read.
        match: by prompt lookup, where the copied text begins (position from 0), and how many tokens before it are the
            last ones of the text; None where nothing matched, and in an early layer's draft.
        draft_s: seconds that it took to draft.
        verify_s: seconds of the pass and of judging what was drafted.
        plain_s: seconds that it took to decode as many tokens one at a time, where that was asked for; else None.
    """

    drafted_ids: NDArray[np.int32]
    draft_probs: NDArray[np.float64]
    target_probs: NDArray[np.float64]
    n_accepted: int
    tokens: tuple[Step, ...]
    n_read: int
    match: tuple[int, int] | None
    draft_s: float
    verify_s: float
    plain_s: float | None = None

    @property
    def rejected_id(self) -> int | None:
        """The drafted token that the model did not accept; None where it accepted all that it judged."""
        judged = len(self.tokens) > self.n_accepted and self.n_accepted < len(self.drafted_ids)
        return int(self.drafted_ids[self.n_accepted]) if judged else None


class Speculation(Running[SpeculationStep], Protocol):
    """A running speculation, pass by pass."""


@dataclass(frozen=True, slots=True)
class SpeculationTotals:
    """All passes of a speculation together.

    Attributes:
        n_tokens: tokens written.
        n_passes: passes of the whole model, the reading of the prompt not counted.
        n_verified: those of them that had a draft to verify.
        n_drafted: tokens drafted.
        n_accepted: of them accepted.
        draft_s: seconds of drafting.
        verify_s: seconds of the passes.
        plain_s: seconds of as many tokens one at a time; None where that was not asked for.
    """

    n_tokens: int
    n_passes: int
    n_verified: int
    n_drafted: int
    n_accepted: int
    draft_s: float
    verify_s: float
    plain_s: float | None

    @property
    def acceptance(self) -> float | None:
        """Accepted of all drafted tokens, 0 to 1; None where nothing was drafted.

        Those after a rejected one count as drafted: they cost their draft.
        """
        return self.n_accepted / self.n_drafted if self.n_drafted else None

    @property
    def mean_length(self) -> float | None:
        """Tokens that one verification gives: 1 + accepted / verification steps; None where nothing was verified.

        The 1 is the model's own token.
        """
        return 1 + self.n_accepted / self.n_verified if self.n_verified else None

    @property
    def tokens_per_pass(self) -> float | None:
        """Tokens written for each pass of the whole model, those without a draft included; plain decoding gives 1."""
        return self.n_tokens / self.n_passes if self.n_passes else None

    @property
    def tokens_per_s(self) -> float | None:
        """Tokens per second of drafting and verifying; None before the first pass."""
        seconds = self.draft_s + self.verify_s
        return self.n_tokens / seconds if seconds > 0 else None

    @property
    def plain_tokens_per_s(self) -> float | None:
        """Tokens per second of plain decoding in the same run; None where it was not measured."""
        return self.n_tokens / self.plain_s if self.plain_s else None

    @property
    def speedup(self) -> float | None:
        """How many times the tokens per second of plain decoding; below 1 it was slower."""
        seconds = self.draft_s + self.verify_s
        return self.plain_s / seconds if self.plain_s and seconds > 0 else None


def speculation_totals(steps: Iterable[SpeculationStep]) -> SpeculationTotals:
    """The counts and rates of a speculation, as Leviathan et al., "Fast Inference from Transformers via Speculative
    Decoding" (2023), and Chen et al., "Accelerating Large Language Model Decoding with Speculative Sampling" (2023),
    measure it.

    Args:
        steps: the passes of one run, finished or not.

    >>> speculation_totals([]).acceptance is None
    True
    """
    passes = tuple(steps)
    plain = [step.plain_s for step in passes if step.plain_s is not None]
    return SpeculationTotals(
        n_tokens=sum(len(step.tokens) for step in passes),
        n_passes=len(passes),
        n_verified=sum(len(step.drafted_ids) > 0 for step in passes),
        n_drafted=sum(len(step.drafted_ids) for step in passes),
        n_accepted=sum(step.n_accepted for step in passes),
        draft_s=sum(step.draft_s for step in passes),
        verify_s=sum(step.verify_s for step in passes),
        plain_s=sum(plain) if passes and len(plain) == len(passes) else None,
    )
