"""The tree of generations: what no row of forks, rewinds, closes and prunings can break, and its two written forms."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lmloupe as lm
from lmloupe.model.generation.tree import MOST_BRANCHES

VOCAB = 6
END = 5
PROMPT = (9, 8, 7)
COMMON = {"model": "tiny", "quantization": "none", "prompt_text": "three"}


def scores(path: tuple[int, ...]) -> np.ndarray:
    """The log probabilities of a model that is a function of the path."""
    digest = hashlib.sha256(repr(path).encode()).digest()
    return np.asarray(np.log(np.frombuffer(digest[:VOCAB], np.uint8) + 1.0) - np.log(300.0))


def step(path: tuple[int, ...], token_id: int, ended_by: str = "") -> lm.Step:
    logs = scores(path)
    top = np.argsort(-logs, kind="stable")[:4].astype(np.int32)
    return lm.Step(token_id, "", float(logs[token_id]), top, logs[top].astype(np.float32), 1.0, 0.1, ended_by)  # type: ignore[arg-type]


def generate(path: tuple[int, ...], seed: int, n: int) -> list[lm.Step]:
    """What `Engine.generate` promises: a function of path and seed, of which a smaller n gives the beginning."""
    rng, steps = np.random.default_rng(seed), []
    for i in range(n):
        token_id = int(rng.integers(VOCAB))
        ended_by = "stop" if token_id == END else "length" if i == n - 1 else ""
        steps.append(step(path, token_id, ended_by))
        path = (*path, token_id)
        if ended_by:
            break
    return steps


def forced(path: tuple[int, ...], ids: list[int]) -> tuple[lm.Step, ...]:
    return tuple(step((*path, *ids[:i]), token_id) for i, token_id in enumerate(ids))


def grown(tree: lm.GenerationTree, number: int, *, most: int | None = None) -> lm.GenerationTree:
    """The tree with what the last part of a branch asks for, stopped after ``most`` tokens."""
    branch = tree.branch(number)
    if not branch.parts or branch.parts[-1].n == 0 or branch.drawn:
        return tree
    known = tree.drawn_before(number)
    drawn = generate(branch.token_ids, branch.parts[-1].seed, branch.parts[-1].n)
    if known is not None:
        assert [one.token_id for one in known] == [one.token_id for one in drawn]
        assert known[-1].ended_by == drawn[-1].ended_by
    if most is not None and most < len(drawn):
        return tree.drew(number, drawn[:most]).settle(number)
    return tree.drew(number, drawn)


def restored(plans: tuple[lm.BranchPlan, ...]) -> lm.GenerationTree:
    """A tree written again from its plans, as a link does it."""
    tree = lm.GenerationTree()
    for plan in plans:
        for place, part in enumerate(plan.parts):
            path = tree.branch(tree.newest).token_ids if place else ()
            ids = forced(path, list(part.forced))
            tree = tree.go_on(tree.newest, part.seed, part.n, ids) if place else tree.begin(part.seed, part.n, ids)
            tree = grown(tree, tree.newest)
    return tree


OPERATIONS = st.tuples(
    st.sampled_from(["begin", "fork", "again", "rewind", "go on", "close", "name", "prune"]),
    st.integers(0, 40),
    st.integers(0, 40),
    st.lists(st.integers(0, VOCAB - 1), max_size=3),
    st.integers(0, 3),
    st.integers(0, 6),
    st.none() | st.integers(0, 4),
)


def changed(tree: lm.GenerationTree, operation: tuple[Any, ...]) -> lm.GenerationTree:
    name, which, where, ids, seed, n, most = operation
    if name == "begin" or not tree.branches:
        return grown(tree.begin(seed, max(1, n)), tree.newest + 1, most=most)
    branch = tree.branches[which % len(tree.branches)]
    at = where % (len(branch.steps) + 1)
    before = branch.token_ids[:at]
    if name in ("fork", "again"):
        ids = [] if name == "again" else ids
        tree = tree.fork(branch.number, at, forced(before, ids), seed, n)
        return grown(tree, tree.newest, most=most)
    if name == "rewind":
        return tree.rewind(branch.number, at)
    if name == "go on":
        tree = tree.go_on(branch.number, seed, n, forced(branch.token_ids, ids))
        return grown(tree, branch.number, most=most)
    if name == "close":
        return tree.close(branch.number)
    if name == "name":
        return tree.name(branch.number, f"name {which}", pinned=where % 2 == 0)
    try:
        room, gone = tree.with_room(n, keep={branch.number}, branches=3, steps=20)
    except lm.InvalidSettingError:
        assert all(one.pinned or one.number == branch.number for one in tree.branches) or tree.n_steps + n > 20
        return tree
    assert len(room.branches) < 3
    assert room.n_steps + n <= 20
    assert not any(one.pinned or one.number == branch.number for one in gone)
    assert [one.number for one in gone] == sorted(one.number for one in gone)
    return room


@settings(max_examples=60, deadline=None)
@given(st.lists(OPERATIONS, max_size=10))
def test_no_row_of_changes_breaks_a_tree(operations: list[tuple[Any, ...]]) -> None:
    tree = lm.GenerationTree()
    for operation in operations:
        before = tree.branches
        tree = changed(tree, operation)
        # Another tree, and the old branches as they were: a session may still hold them.
        assert all(branch.log_prob == sum(one.log_prob for one in branch.steps) for branch in before)
    paths = {branch.number: branch.token_ids for branch in tree.branches}
    assert len(paths) == len(tree.branches), "no number twice"
    for branch in tree.branches:
        assert branch.log_prob == pytest.approx(
            sum(scores(branch.token_ids[:i])[t] for i, t in enumerate(branch.token_ids))
        )
        assert all(part.forced or part.n for part in branch.parts)
        assert all(one.ended_by == "stop" for one in branch.steps if one.ended_by and one.token_id == END)
    # Branches share what they have in common, and nothing else is counted twice.
    assert tree.n_steps == len({path[: i + 1] for path in paths.values() for i in range(len(path))})
    for lane in tree.lanes():
        assert paths[lane.number][: lane.common] == paths[lane.of][: lane.common]
        others = [paths[number] for number in paths if number < lane.number]
        assert lane.common == max((common(paths[lane.number], other) for other in others), default=0)
    # The shape alone brings every token back, through a link and through a file.
    plans = lm.BranchPlan.of(tree)
    assert lm.branch_plans(json.loads(json.dumps([plan.plain() for plan in plans]))) == plans
    again = restored(plans)
    assert [branch.token_ids for branch in again.branches] == [
        branch.token_ids for branch in tree.branches if branch.parts
    ]
    saved = lm.read_tree(lm.tree_json(tree, prompt_ids=PROMPT, sampling=lm.Sampling(top_k=3), **COMMON))
    assert (saved.plans, saved.token_ids) == (plans, tuple(paths.values()))
    assert (saved.model, saved.prompt_ids, saved.sampling) == ("tiny", PROMPT, lm.Sampling(top_k=3))


def common(path: tuple[int, ...], other: tuple[int, ...]) -> int:
    n = min(len(path), len(other))
    return next((i for i in range(n) if path[i] != other[i]), n)


def test_an_alternative_has_the_numbers_of_the_same_distribution_and_none_is_made_up() -> None:
    own = step((1, 2), 3)
    for token_id in own.top_ids.tolist():
        found = lm.alternative(own, token_id)
        assert found is not None
        assert (found.token_id, found.entropy_bits, found.ended_by) == (token_id, own.entropy_bits, "")
        assert found.log_prob == pytest.approx(scores((1, 2))[token_id])
    outside = set(range(VOCAB)) - set(own.top_ids.tolist()) - {own.token_id}
    assert outside
    assert all(lm.alternative(own, token_id) is None for token_id in outside)


def test_steps_that_the_parts_do_not_describe_are_refused() -> None:
    for parts, steps in (
        ((lm.BranchPart((4,), 0, 2),), forced((), [3])),
        ((lm.BranchPart((), 0, 1),), forced((), [3, 3])),
        ((lm.BranchPart((), 0, 2), lm.BranchPart((1,), 0, 0)), forced((), [3, 1])),
    ):
        with pytest.raises(lm.InvalidSettingError, match="not those that its parts describe"):
            lm.Branch(1, parts, steps)
    with pytest.raises(lm.InvalidSettingError, match="no branch 7"):
        lm.GenerationTree().branch(7)


@pytest.mark.parametrize(
    ("plain", "said"),
    [
        ("x", "list"), ([1], "every branch"), ([["", False, [[[], 0, 0]]]], "must have tokens"),
        ([["", 1, []]], "a pin"), ([["n" * 90, False, []]], "characters"), ([["", False, [[[], -1, 3]]]], "from 0"),
        ([["", False, [[[True], 0, 3]]]], "whole numbers"), ([["", False, [[[], 0, 10**6]]]], "at most"),
        ([["", False, [[[], 0, 2.5]]]], "whole numbers"), ([["", False, []]] * (MOST_BRANCHES + 1), "at most"),
        ([["\ud800", False, []]], "a name"),
    ],
)  # fmt: skip
def test_a_shape_that_a_stranger_wrote_is_refused_with_what_is_wrong(plain: object, said: str) -> None:
    with pytest.raises(lm.InvalidSettingError, match=said):
        lm.branch_plans(plain)


def test_a_file_that_is_no_tree_is_refused_with_what_is_wrong() -> None:
    good = json.loads(lm.tree_json(lm.GenerationTree(), prompt_ids=PROMPT, sampling=lm.Sampling(), **COMMON))
    for change, said in (
        ({"format": "other"}, "format must be"), ({"version": 2}, "version 1"), ({"model": 3}, "must be texts"),
        ({"sampling": {"evil": 1}}, "not known"), ({"sampling": {"top_p": 7}}, "top_p is 7"),
        ({"prompt_ids": "abc"}, "list"), ({"branches": [{}]}, "'name' is missing"), ({"branches": None}, "a list"),
    ):  # fmt: skip
        with pytest.raises(lm.InvalidSettingError, match=said):
            lm.read_tree(json.dumps(good | change))
    for text in ("", "[" * 100_000, "3"):
        with pytest.raises(lm.InvalidSettingError):
            lm.read_tree(text)


def test_a_full_tree_lets_the_oldest_go_that_is_not_pinned() -> None:
    tree = lm.GenerationTree()
    for seed in range(4):
        tree = grown(tree.begin(seed, 5), tree.newest + 1)
    tree = tree.name(1, "mine", pinned=True)
    room, gone = tree.with_room(5, keep={3}, branches=3)
    assert [branch.number for branch in gone] == [2, 4]
    assert [branch.number for branch in room.branches] == [1, 3]
    assert math.isclose(room.branch(3).log_prob, tree.branch(3).log_prob)
    with pytest.raises(lm.InvalidSettingError, match="pinned: unpin or close"):
        tree.with_room(5, keep={2, 3, 4}, branches=3)
