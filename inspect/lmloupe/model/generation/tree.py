"""A tree of what a model wrote after one prompt: branches forked, forced, rewound, gone on with. Data without a model.

Branches (`lmloupe.model.generation.branch`) share the steps that they have in common; none depends on another, so any
of them may go.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from lmloupe.errors import InvalidSettingError
from lmloupe.model.generation.branch import Branch
from lmloupe.model.generation.results import Step

__all__ = ["MOST_BRANCHES", "MOST_STEPS", "GenerationTree", "Lane"]

MOST_BRANCHES, MOST_STEPS = 16, 4096
"""How large a tree may be: some megabytes."""


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
