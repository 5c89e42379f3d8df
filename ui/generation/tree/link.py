"""A session's tree and its link: the branches' shape goes there, and a link's branches are written again."""

from __future__ import annotations

import hashlib
from typing import Any

import lmloupe as lm
from ui.generation.tree.names import branch_name, sentence
from ui.generation.tree.session import NOTHING, Ground, Held, Wish
from ui.state import store as state

__all__ = ["compare_with_file", "follow_link", "mark_of", "shape_of", "write_link"]

OTHER_PROMPT = (
    "The branches of the link belong to another prompt, so they are not written again. A chat format that writes the "
    "date, for example, makes another prompt every day."
)


def mark_of(ids: tuple[int, ...]) -> str:
    """A few digits by which a link tells its prompt from another."""
    return hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()[:8]


def shape_of(held: Held, seed: int, n: int) -> dict[str, Any]:
    """What a link says of the tree; nothing where it is the one branch that the settings give."""
    plans = [plan for plan in lm.BranchPlan.of(held.tree) if plan.parts]
    if not plans or plans == [_plain(seed, n)]:
        return {}
    return {"prompt": mark_of(held.ground.ids), "branches": [plan.plain() for plan in plans]}


def _plain(seed: int, n: int) -> lm.BranchPlan:
    return lm.BranchPlan((lm.BranchPart((), seed, n),))


def follow_link(held: Held, ground: Ground, seed: int, n: int, *, asked: bool) -> None:
    """Take over what the link or the button asks for; `ui.generation.tree.growing.grow` writes it.

    Args:
        held: the session's tree.
        ground: what its branches would have in common now.
        seed: of a new branch from the prompt.
        n: how many tokens it draws at most.
        asked: whether the person has asked for a new branch from the prompt.
    """
    shape, looked = state.get("tree"), (state.get("tree_branch"), state.get("tree_step"))
    if asked:
        _ask(held, ground, seed, n)
    elif held.ground == NOTHING or (held.written is not None and shape != held.written[0]):
        fits = bool(shape) and shape["prompt"] == mark_of(ground.ids)
        plans = lm.branch_plans(shape["branches"]) if fits else (_plain(seed, n),)
        held.start(ground, plans)
        held.word = OTHER_PROMPT if shape and not fits else ""
        held.looked = looked if fits or not shape else None
    elif held.written is not None and looked != held.written[1:]:
        held.looked = looked


def _ask(held: Held, ground: Ground, seed: int, n: int) -> None:
    if held.ground != ground or not held.tree.branches:
        held.start(ground, (_plain(seed, n),))
        held.looked = None
        return
    plan = _plain(seed, n)
    known = next((branch for branch in held.tree.branches if branch.parts == plan.parts), None)
    if known is None:
        held.wish(Wish((), seed, n))
    elif known.number == held.growing:
        held.choose(known.number)  # it goes on
    else:
        held.stop()
        held.choose(known.number)
        held.word = f"{sentence(branch_name(known))} is what these settings give: change the seed for another one."


def write_link(held: Held, seed: int, n: int) -> None:
    """Tell the link what the tree is now; called when nothing is being written."""
    numbers = [branch.number for branch in held.tree.branches]
    if held.looked is not None:
        place, at = held.looked
        if place < len(numbers):
            held.choose(numbers[place], at if at >= 0 else None)
        held.looked = None
    place = numbers.index(held.chosen) if held.chosen in numbers else 0
    new = (shape_of(held, seed, n), place, -1 if held.at is None else held.at)
    for name, value in zip(("tree", "tree_branch", "tree_step"), new, strict=True):
        if state.get(name) != value:
            state.put(name, value)
    held.written = new


def compare_with_file(held: Held) -> None:
    """Say where a tree that was written again is not the one of its file."""
    for branch, ids in zip(held.tree.branches, held.expected, strict=False):
        own = branch.token_ids
        if own != ids:
            at = next((i for i, (a, b) in enumerate(zip(own, ids, strict=False)) if a != b), min(len(own), len(ids)))
            held.word = (
                f"{sentence(branch_name(branch))} is not the one of the file from token {at + 1} on: another machine "
                "or another version rounds differently. What is shown was written here."
            )
            break
    held.expected = ()
