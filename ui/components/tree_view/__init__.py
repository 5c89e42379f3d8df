"""A tree of generations: one branch as boxes with what else could have been said, and all branches as rows and a graph.

Python sends numbers and labels; the scripts beside this file draw them with ``textContent`` alone. What comes back is a
step that was chosen or a token that a person wants there instead; `asked_in` reads it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import numpy as np

import lmloupe as lm
from lmloupe.model.generation.tree import Lane
from ui.base.words import probability
from ui.components import kit

__all__ = ["Asked", "asked_in", "branches_view", "path_view"]

_HERE = Path(__file__).parent
_STYLES = (kit.DRAWING, _HERE / "tree_view.css")
_path = kit.component("lmloupe_tree_path", _HERE / "path.js", *_STYLES)
_branches = kit.component("lmloupe_tree_branches", _HERE / "branches.js", *_STYLES)

FORCED, SPECIAL = 1, 2
N_STUBS = 5
SHOWN_BEFORE = 4


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person pressed.

    Attributes:
        kind: ``"step"`` to look at a step, ``"fork"`` to have another token there.
        number: of the branch.
        at: the step, from 0.
        id: the token that is to be there; -1 for a step.
    """

    kind: Literal["step", "fork"]
    number: int
    at: int
    id: int = -1


def asked_in(sent: object, tree: lm.GenerationTree) -> Asked | None:
    """Read what a browser sent; None where it does not fit the tree as it is now.

    Args:
        sent: what the session holds under ``asked``.
        tree: the tree now.
    """
    kind = sent.get("kind") if isinstance(sent, dict) else None
    number, at, token_id = (kit.whole(sent, name) for name in ("number", "at", "id"))
    branch = next((branch for branch in tree.branches if branch.number == number), None)
    if kind not in ("step", "fork") or branch is None or at is None or not 0 <= at < len(branch.steps):
        return None
    if kind == "step":
        return Asked("step", branch.number, at)
    if token_id is None or token_id not in branch.steps[at].top_ids:
        return None
    return Asked("fork", branch.number, at, token_id)


class _Labels:
    """Labels of tokens, each sent once."""

    def __init__(self, label: Callable[[int], str]) -> None:
        self._label = label
        self._places: dict[int, int] = {}
        self.texts: list[str] = []

    def place(self, token_id: int) -> int:
        if token_id not in self._places:
            self._places[token_id] = len(self.texts)
            self.texts.append(self._label(token_id))
        return self._places[token_id]


def _share(log_prob: float) -> float:
    """A probability with the digits that a drawing needs."""
    return float(f"{math.exp(min(0.0, log_prob)):.4g}")


def path_view(
    tree: lm.GenerationTree,
    number: int,
    at: int,
    *,
    label: Callable[[int], str],
    special: Sequence[int],
    name: str,
    frozen: bool,
    key: str,
    on_ask: Callable[[], None] = kit.nothing,
) -> None:
    """Draw a branch as boxes, and beside them the ten most probable tokens of the chosen step.

    Args:
        tree: all branches.
        number: the one that is drawn.
        at: the chosen step, from 0.
        label: names a token.
        special: ids of special tokens.
        name: what the branch is called.
        frozen: whether other tokens cannot be asked for now.
        key: the widget's key.
        on_ask: called when a person pressed something; `asked_in` reads it.
    """
    branch = tree.branch(number)
    labels, forced, control = _Labels(label), branch.forced, frozenset(special)
    ids = branch.token_ids
    tokens = [
        [labels.place(step.token_id), _share(step.log_prob), FORCED * (i in forced) + SPECIAL * (ids[i] in control)]
        for i, step in enumerate(branch.steps)
    ]
    others = [
        [[labels.place(int(one)) for one in step.top_ids], [_share(float(log)) for log in step.top_log_probs]]
        for step in branch.steps
    ]
    data = {
        "number": number,
        "name": name,
        "at": at,
        "tokens": tokens,
        "others": others,
        "ids": [[int(one) for one in step.top_ids] for step in branch.steps],
        "entropy": [round(step.entropy_bits, 2) for step in branch.steps],
        "taken": _taken(tree, branch),
        "labels": labels.texts,
        "frozen": frozen,
    }
    _path(key=key, data=data, on_asked_change=on_ask)


def _taken(tree: lm.GenerationTree, branch: lm.Branch) -> list[list[int]]:
    """Where other branches leave this one: step, id of their token there, number."""
    ids = np.array(branch.token_ids)
    found = []
    for other in tree.branches:
        theirs = np.array(other.token_ids)
        n = min(len(ids), len(theirs))
        same = ids[:n] == theirs[:n]
        common = n if same.all() else int(np.argmin(same))
        if other.number != branch.number and common < n:
            found.append([common, int(theirs[common]), other.number])
    return found


def branches_view(
    tree: lm.GenerationTree,
    number: int,
    at: int,
    *,
    tok: lm.Tokenizer,
    label: Callable[[int], str],
    names: Mapping[int, str],
    ends: Mapping[int, str],
    colour: str,
    frozen: bool,
    key: str,
    on_ask: Callable[[], None] = kit.nothing,
) -> None:
    """Draw all branches: a graph whose lines are as thick as the steps are probable, and a row for each.

    Args:
        tree: the branches.
        number: the chosen one.
        at: the chosen step of it, from 0.
        tok: the model's tokenizer.
        label: names a token.
        names: what each branch is called, by number.
        ends: why each has no further token, by number.
        colour: of the chosen branch.
        frozen: whether other tokens cannot be asked for now.
        key: the widget's key.
        on_ask: called when a person pressed something; `asked_in` reads it.
    """
    labels = _Labels(label)
    rows = [
        _row(tree, lane, labels) | _texts(tree, lane, tok) | {"name": names[lane.number], "end": ends[lane.number]}
        for lane in tree.lanes()
    ]
    step = tree.branch(number).steps[at] if tree.branch(number).steps else None
    stubs: list[Any] = []
    if step is not None:
        taken = {step.token_id} | {token_id for place, token_id, _ in _taken(tree, tree.branch(number)) if place == at}
        pairs = zip(step.top_ids.tolist(), step.top_log_probs.tolist(), strict=True)
        stubs = [[i, labels.place(i), _share(log), probability(math.exp(log))] for i, log in pairs if i not in taken]
    data = {
        "rows": rows,
        "chosen": number,
        "at": at,
        "stubs": stubs[:N_STUBS],
        "labels": labels.texts,
        "colour": colour,
        "frozen": frozen,
    }
    _branches(key=key, data=data, on_asked_change=on_ask)


def _row(tree: lm.GenerationTree, lane: Lane, labels: _Labels) -> dict[str, Any]:
    branch = tree.branch(lane.number)
    forced = branch.forced
    share = math.exp(branch.log_prob) if branch.log_prob > -690 else 0.0
    return {
        "number": lane.number,
        "of": lane.of,
        "common": lane.common,
        "pinned": branch.pinned,
        "tokens": [
            [labels.place(step.token_id), _share(step.log_prob), FORCED * (i in forced)]
            for i, step in enumerate(branch.steps[lane.common :], lane.common)
        ],
        "bits": round(0.0 - branch.log_prob / math.log(2), 2),
        "percent": probability(min(1.0, share)) if share else "under 10⁻²⁹⁷%",
    }


def _texts(tree: lm.GenerationTree, lane: Lane, tok: lm.Tokenizer) -> dict[str, Any]:
    """What a row says: the end of the common beginning, then its own text, what was put there apart."""
    branch, ids = tree.branch(lane.number), tree.branch(lane.number).token_ids
    forced = branch.forced
    before = ids[max(0, lane.common - SHOWN_BEFORE) : lane.common]
    pieces: list[list[Any]] = []
    for put, places in groupby(range(lane.common, len(ids)), lambda at: at in forced):
        pieces.append([_text(tok, [ids[at] for at in places]), int(put)])
    return {"before": ("…" if lane.common > SHOWN_BEFORE else "") + _text(tok, before), "pieces": pieces}


def _text(tok: lm.Tokenizer, ids: Sequence[int]) -> str:
    return b"".join(map(tok.token_bytes, ids)).decode("utf-8", "replace").replace("\n", "↵")
