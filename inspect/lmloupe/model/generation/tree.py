"""A tree of what a model wrote after one prompt: branches forked, forced, rewound, gone on with. Data without a model.

A branch is a row of parts: some tokens that a person put there, then as many as the model drew with the part's own
seed. Each part is one call of `Engine.generate` with the prompt and all tokens before it, so that the parts alone bring
every token back. Branches share the steps that they have in common; none depends on another, so any of them may go.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from lmloupe.errors import InvalidSettingError
from lmloupe.model.generation.results import Step

__all__ = ["MOST_BRANCHES", "MOST_STEPS", "Branch", "BranchPart", "GenerationTree", "Lane", "alternative"]

MOST_BRANCHES, MOST_STEPS = 16, 4096
"""How large a tree may be: some megabytes."""


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


class Lane(NamedTuple):
    """Where a branch leaves those before it: its first ``common`` steps are the first of ``of``."""

    number: int
    of: int
    common: int


@dataclass(frozen=True, slots=True, eq=False)
class GenerationTree:
    """Branches from one prompt, oldest first. Every change gives a new tree and leaves this one as it is.

    Attributes:
        branches: oldest first.
        newest: the number given last.

    >>> tree = GenerationTree().begin(seed=0, n=2)
    >>> tree.branches[0].parts
    (BranchPart(forced=(), seed=0, n=2),)
    """

    branches: tuple[Branch, ...] = ()
    newest: int = 0

    @property
    def n_steps(self) -> int:
        """How many steps are kept: those that branches have in common count once."""
        return sum(len(self.branch(lane.number).steps) - lane.common for lane in self.lanes())

    def branch(self, number: int) -> Branch:
        """The branch with this number.

        Raises:
            InvalidSettingError: there is none.
        """
        for branch in self.branches:
            if branch.number == number:
                return branch
        raise InvalidSettingError(f"There is no branch {number} in this tree: it may have been closed.")

    def lanes(self) -> tuple[Lane, ...]:
        """For every branch the longest beginning that it has in common with one before it; its own number if none."""
        known: dict[
            tuple[int, int], tuple[int, int]
        ] = {}  # (place, id) -> (the place it leads to, who was there first)
        lanes = []
        for branch in self.branches:
            place, of, common = 0, branch.number, 0
            for step in branch.steps:
                found = known.get((place, step.token_id))
                if found is None:
                    found = known[place, step.token_id] = (len(known) + 1, branch.number)
                if found[1] != branch.number:
                    of, common = found[1], common + 1
                place = found[0]
            lanes.append(Lane(branch.number, of, common))
        return tuple(lanes)

    def after(self, ids: Sequence[int]) -> Step | None:
        """A step whose distribution is the one after these tokens; None where no branch knows it."""
        at, wanted = len(ids), tuple(ids)
        known = (branch for branch in self.branches if len(branch.steps) > at and branch.token_ids[:at] == wanted)
        return next((branch.steps[at] for branch in known), None)

    def leading(self, ids: Sequence[int]) -> tuple[int, ...]:
        """The numbers of the branches that begin with these tokens."""
        wanted = tuple(ids)
        return tuple(branch.number for branch in self.branches if branch.token_ids[: len(wanted)] == wanted)

    def drawn_before(self, number: int) -> tuple[Step, ...] | None:
        """All that the last part of a branch asks for, where another branch of the same parts has drawn it already."""
        branch = self.branch(number)
        before, last, begin = branch.parts[:-1], branch.parts[-1], len(branch.steps) - branch.drawn
        for other in self.branches:
            same = other.number != number and len(other.parts) > len(before) and other.parts[: len(before)] == before
            if same and (other.parts[len(before)].forced, other.parts[len(before)].seed) == (last.forced, last.seed):
                drawn = other.steps[begin : begin + min(last.n, other.parts[len(before)].n)]
                if len(drawn) == last.n:
                    return (*drawn[:-1], replace(drawn[-1], ended_by=drawn[-1].ended_by or "length"))
                if drawn and drawn[-1].ended_by in ("stop", "context"):
                    return drawn
        return None

    def _with(self, branch: Branch) -> GenerationTree:
        number = self.newest + 1
        return GenerationTree((*self.branches, replace(branch, number=number, name="", pinned=False)), number)

    def _instead(self, branch: Branch) -> GenerationTree:
        others = (branch if other.number == branch.number else other for other in self.branches)
        return replace(self, branches=tuple(others))

    def begin(self, seed: int, n: int, forced: Sequence[Step] = ()) -> GenerationTree:
        """A new branch, the last one, right from the prompt."""
        return self._with(Branch(0).then(forced, seed, n))

    def fork(self, number: int, at: int, forced: Sequence[Step], seed: int, n: int) -> GenerationTree:
        """A new branch, the last one: the first ``at`` tokens of another, tokens of a person, and ``n`` to be drawn.

        Args:
            number: the branch that it leaves.
            at: how many tokens the two have in common, at least.
            forced: the tokens of a person, with the model's own numbers for them: see `alternative`.
            seed: of the draws.
            n: how many tokens are to be drawn, at least 0.
        """
        return self._with(self.branch(number).cut(at).then(forced, seed, n))

    def rewind(self, number: int, at: int) -> GenerationTree:
        """Let the tokens of a branch behind its first ``at`` go."""
        return self._instead(self.branch(number).cut(at))

    def go_on(self, number: int, seed: int, n: int, forced: Sequence[Step] = ()) -> GenerationTree:
        """Put tokens of a person behind a branch, if any, and let it draw ``n`` more."""
        return self._instead(self.branch(number).then(forced, seed, n))

    def drew(self, number: int, steps: Sequence[Step]) -> GenerationTree:
        """All that a branch has drawn of its last part."""
        return self._instead(self.branch(number).drew(steps))

    def settle(self, number: int) -> GenerationTree:
        """A branch whose last part was stopped: what is there is all that it asks for."""
        return self._instead(self.branch(number).settled())

    def name(self, number: int, name: str, *, pinned: bool) -> GenerationTree:
        """Call a branch something, and pin it or not."""
        return self._instead(replace(self.branch(number), name=name, pinned=pinned))

    def close(self, number: int) -> GenerationTree:
        """Let a branch go; what it has in common with others stays."""
        return replace(self, branches=tuple(branch for branch in self.branches if branch.number != number))

    def with_room(
        self, adding: int, *, keep: Collection[int] = (), branches: int = MOST_BRANCHES, steps: int = MOST_STEPS
    ) -> tuple[GenerationTree, tuple[Branch, ...]]:
        """Let the oldest branches that are not pinned go until one more fits.

        Args:
            adding: how many steps the new one may bring.
            keep: numbers of branches that stay, as pinned ones do.
            branches: how many there may be in all.
            steps: how many steps may be kept in all.

        Returns:
            The tree, and the branches that were let go.

        Raises:
            InvalidSettingError: all that could go is pinned.
        """
        tree, gone = self, []
        while len(tree.branches) >= branches or tree.n_steps + adding > steps:
            old = next((one for one in tree.branches if not one.pinned and one.number not in keep), None)
            if old is None:
                raise InvalidSettingError(
                    "The tree is full, and the branches that could be let go are pinned: unpin or close one."
                )
            gone.append(old)
            tree = tree.close(old.number)
        return tree, tuple(gone)


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
