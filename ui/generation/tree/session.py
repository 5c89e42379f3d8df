"""The tree that a session grows from one prompt: what is wished for, what is being written, what is looked at.

A page holds a tree under a key of its own (`held_tree`), puts wishes into it in callbacks (`Held.wish`), and lets it
grow where the text shall stand while it is written (`ui.generation.tree.growing.grow`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import streamlit as st

import lmloupe as lm
from ui.generation.live.runs import Request, Run
from ui.state.session import shown_for

__all__ = ["NOTHING", "Ground", "Held", "Wish", "held_tree"]


@dataclass(frozen=True, slots=True)
class Ground:
    """What all branches of a tree have in common: the model, what it reads first, and how tokens are drawn."""

    model: str
    quantization: lm.Quantization
    ids: tuple[int, ...]
    sampling: lm.Sampling
    lens: bool = False

    def request(self, before: Sequence[int], part: lm.BranchPart) -> Request:
        """What is asked of the model for a part; ``before`` are all tokens behind the prompt, the forced ones too."""
        return Request(self.model, self.quantization, (*self.ids, *before), self.sampling, part.n, part.seed, self.lens)


NOTHING = Ground("", "none", (), lm.Sampling())


@dataclass(frozen=True, slots=True)
class Wish:
    """Something to be written.

    Attributes:
        forced: ids that a person puts there first.
        seed: of the draws after them.
        n: how many tokens are to be drawn at most; 0 for none.
        number: the branch that it leaves or goes on with; 0 to begin at the prompt, -1 for the newest one.
        at: how many tokens of that branch stay; None for all.
        same: go on with that branch itself, in place of a new one.
        name: of the new branch.
        pinned: whether it is pinned.
    """

    forced: tuple[int, ...] = ()
    seed: int = 0
    n: int = 0
    number: int = 0
    at: int | None = None
    same: bool = False
    name: str = ""
    pinned: bool = False


@dataclass(slots=True)
class Held:
    """A tree, and what this session does with it.

    Attributes:
        ground: what its branches have in common; `NOTHING` before anything was asked for.
        tree: the branches.
        chosen: the number of the branch that is looked at.
        at: the step of it that is looked at; None until a person chooses one.
        wishes: what is to be written next.
        growing: the number of the branch that is being written; 0 for none.
        run: its run.
        runs: the run that wrote the end of a branch, by its number.
        kept: the numbers of branches whose run was not made now, but for an earlier request.
        word: a sentence about what was done last, shown until the next thing is done.
        expected: the tokens that a file said each branch has, until they are compared.
        written: what the link was last told of it.
        looked: which branch (its place among them) and which step (-1 for none) a link says are looked at.
    """

    ground: Ground = NOTHING
    tree: lm.GenerationTree = field(default_factory=lm.GenerationTree)
    chosen: int = 0
    at: int | None = None
    wishes: deque[Wish] = field(default_factory=deque)
    growing: int = 0
    run: Run | None = None
    runs: dict[int, Run] = field(default_factory=dict)
    kept: set[int] = field(default_factory=set)
    word: str = ""
    expected: tuple[tuple[int, ...], ...] = ()
    written: tuple[object, ...] | None = None
    looked: tuple[int, int] | None = None

    def start(self, ground: Ground, plans: Sequence[lm.BranchPlan]) -> None:
        """Begin anew: a tree of these branches, which `grow` writes."""
        self.ground, self.tree, self.chosen, self.at = ground, lm.GenerationTree(), 0, None
        self.growing, self.run, self.word = 0, None, ""
        self.wishes.clear()
        self.runs.clear()
        self.kept.clear()
        for plan in plans:
            for place, part in enumerate(plan.parts):
                first = Wish(part.forced, part.seed, part.n, name=plan.name, pinned=plan.pinned)
                self.wishes.append(first if place == 0 else replace(first, number=-1, same=True))

    def wish(self, wish: Wish) -> None:
        """Ask for something to be written; what is being written stops, and stays as it is."""
        self.stop()
        self.word = ""
        self.wishes.append(wish)

    def stop(self) -> None:
        """Let what is being written end here; for a Stop button."""
        self.wishes.clear()
        self.give_up()

    def give_up(self) -> None:
        """Let what is being written, or could not begin, end here, and go on with the other branches."""
        while self.wishes and self.wishes[0].number == -1:  # further parts of the same branch
            self.wishes.popleft()
        self.expected = ()  # no longer one a branch
        if self.growing:
            self.tree = self.tree.settle(self.growing)
            if not self.tree.branch(self.growing).steps:
                self.close(self.growing)
        self.growing, self.run = 0, None

    def choose(self, number: int, at: int | None = None) -> None:
        """Look at a branch, and at a step of it; a number that there is none of changes nothing."""
        if number in {branch.number for branch in self.tree.branches}:
            self.chosen, self.at = number, at

    def rewind(self, number: int, at: int) -> None:
        """Let the tokens of a branch behind its first ``at`` go."""
        self.stop()
        self.word = ""
        self.tree = self.tree.rewind(number, at)
        self.forget_run(number)
        if self.at is not None and self.at >= at:
            self.at = at - 1 if at else None
        if not self.tree.branch(number).steps:
            self.close(number)

    def forget_run(self, number: int) -> None:
        """The end of a branch is no longer what its run wrote."""
        self.runs.pop(number, None)
        self.kept.discard(number)

    def close(self, number: int) -> None:
        """Let a branch go."""
        self.forget_run(number)
        if self.growing == number:
            self.growing, self.run = 0, None
        self.tree = self.tree.close(number)
        if self.chosen == number:
            self.chosen, self.at = (self.tree.branches[-1].number if self.tree.branches else 0), None

    @property
    def branch(self) -> lm.Branch | None:
        """The branch that is looked at; None while there is none."""
        return next((branch for branch in self.tree.branches if branch.number == self.chosen), None)

    @property
    def step(self) -> int:
        """The step that is looked at: the chosen one, else the one at which the model was least sure."""
        branch = self.branch
        if branch is None or not branch.steps:
            return 0
        if self.at is not None:
            return min(self.at, len(branch.steps) - 1)
        return int(np.argmax([step.entropy_bits for step in branch.steps]))

    def ids(self, number: int) -> tuple[int, ...]:
        """The prompt and all tokens of a branch."""
        return (*self.ground.ids, *self.tree.branch(number).token_ids)

    def next_seed(self, seed: int) -> int:
        """A seed for a new branch: the setting's for the first, then one more for each."""
        return (seed + self.tree.newest) % 2**31


def held_tree(key: str) -> Held:
    """The tree that this session holds under a key; a page within another one has its own, until another is shown."""
    if not (within := shown_for()):
        found: Held = st.session_state.setdefault(f"tree_{key}", Held())
        return found
    place = f"tree_{key}_within"
    kept: tuple[str, Held] = st.session_state.get(place, ("", Held()))
    before, inner = kept
    if before != within:
        if before:
            inner.stop()
        inner = Held()
    st.session_state[place] = (within, inner)
    return inner
