"""One path through a tree of generations: what it is made of, and its steps.

A branch is a row of parts: some tokens that a person put there, then as many as the model drew with the part's own
seed. Each part is one call of `Engine.generate` with the prompt and all tokens before it, so that the parts alone bring
every token back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lmloupe.errors import InvalidSettingError
from lmloupe.model.generation.results import Step

__all__ = ["Branch", "BranchPart", "alternative"]


@dataclass(frozen=True, slots=True)
class BranchPart:
    """One stretch of a branch.

    Attributes:
        forced: ids that a person put there.
        seed: of the draws after them.
        n: how many tokens were asked for after them; fewer are there where one of them ended the text.
    """

    forced: tuple[int, ...] = ()
    seed: int = 0
    n: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """One path from the prompt to a leaf.

    Attributes:
        number: tells it from the others of its tree; never given twice.
        parts: what it is made of, in order; all but the last have all the tokens that they ask for.
        steps: one a token, forced ones included. One that ended the text can be followed by others, which a person
            asked for.
        name: what a person calls it, or empty.
        pinned: whether it is kept when a tree grows too large.

    Raises:
        InvalidSettingError: the steps are not those that the parts describe.
    """

    number: int
    parts: tuple[BranchPart, ...] = ()
    steps: tuple[Step, ...] = ()
    name: str = ""
    pinned: bool = False

    def __post_init__(self) -> None:
        least = self._begin + len(self.parts[-1].forced) if self.parts else 0
        most = least + self.parts[-1].n if self.parts else 0
        ids = self.token_ids
        if not least <= len(ids) <= most or any(ids[at] != token_id for at, token_id in self.forced.items()):
            raise InvalidSettingError("The tokens of a branch are not those that its parts describe.")

    @property
    def _begin(self) -> int:
        """Where the last part begins."""
        return sum(len(part.forced) + part.n for part in self.parts[:-1])

    @property
    def token_ids(self) -> tuple[int, ...]:
        """The ids of its steps."""
        return tuple(step.token_id for step in self.steps)

    @property
    def forced(self) -> dict[int, int]:
        """The ids that a person put there, by step."""
        found: dict[int, int] = {}
        at = 0
        for part in self.parts:
            found |= dict(enumerate(part.forced, at))
            at += len(part.forced) + part.n
        return found

    @property
    def log_prob(self) -> float:
        """Natural-log probability of the whole path in the model's own distribution: the sum of its steps'."""
        return float(sum(step.log_prob for step in self.steps))

    @property
    def drawn(self) -> int:
        """How many tokens of its last part have been drawn."""
        return len(self.steps) - self._begin - len(self.parts[-1].forced) if self.parts else 0

    @property
    def ended_by(self) -> str:
        """What ended it, as in `Step.ended_by`; empty where it was stopped, or ends with what a person put there."""
        return self.steps[-1].ended_by if self.steps else ""

    def cut(self, at: int) -> Branch:
        """Its first ``at`` tokens, as a branch that asked for no more."""
        if at >= len(self.steps):
            return self.settled()
        parts: list[BranchPart] = []
        left = at
        for part in self.parts:
            forced = part.forced[:left]
            n = min(part.n, left - len(forced))
            left -= len(forced) + n
            if forced or n:
                parts.append(BranchPart(forced, part.seed, n))
        steps = list(self.steps[:at])
        if steps:
            steps[-1] = replace(steps[-1], ended_by=steps[-1].ended_by or ("length" if parts[-1].n else ""))
        return replace(self, parts=tuple(parts), steps=tuple(steps))

    def settled(self) -> Branch:
        """Itself, where what was drawn of the last part is all that it asks for: nothing more is to come."""
        if not self.parts or self.parts[-1].n == self.drawn:
            return self
        forced, seed, n = self.parts[-1].forced, self.parts[-1].seed, self.drawn
        last = (BranchPart(forced, seed if n else 0, n),) if forced or n else ()
        return replace(self, parts=(*self.parts[:-1], *last))

    def then(self, forced: Sequence[Step], seed: int, n: int) -> Branch:
        """Itself with tokens of a person behind it, and ``n`` to be drawn after them."""
        own = self.settled()
        if not forced and not n:
            return own
        before = own.parts
        ids = tuple(step.token_id for step in forced)
        if before and before[-1].n == 0:  # nothing was drawn between them: one part
            ids, before = before[-1].forced + ids, before[:-1]
        return replace(own, parts=(*before, BranchPart(ids, seed if n else 0, n)), steps=(*own.steps, *forced))

    def drew(self, steps: Sequence[Step]) -> Branch:
        """Itself with all that was drawn of its last part."""
        return replace(self, steps=(*self.steps[: len(self.steps) - self.drawn], *steps))


def alternative(step: Step, token_id: int) -> Step | None:
    """The step as it would be with another token of the same distribution; None where its top ids do not hold it.

    Its numbers are the model's: the distribution is that of ``step``.
    """
    if token_id == step.token_id:
        return replace(step, ended_by="", elapsed_s=0.0)
    places: Iterable[int] = np.flatnonzero(step.top_ids == token_id).tolist()
    for place in places:
        log_prob = float(step.top_log_probs[place])
        return replace(step, token_id=token_id, text="", log_prob=log_prob, ended_by="", elapsed_s=0.0)
    return None
