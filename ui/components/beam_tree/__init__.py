"""A beam search as a tree: at each step the best continuations of all beams, which were kept, finished and dropped."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import lmloupe as lm
from ui.components import kit

__all__ = ["beam_tree", "parent_candidates", "picked_step"]

_HERE = Path(__file__).parent
_render = kit.component("lmloupe_beam_tree", _HERE / "beam_tree.js", kit.DRAWING, _HERE / "beam_tree.css")
_FATES = ("kept", "finished", "dropped")


def beam_tree(
    steps: Sequence[lm.BeamStep],
    best: Sequence[int],
    *,
    label: Callable[[int], str],
    step: int,
    name: str,
    key: str,
    on_pick: Callable[[], None] = kit.nothing,
) -> None:
    """Draw the tree.

    Args:
        steps: those of a search, finished or not.
        best: at each step the candidate that is part of the best text; as long as that text.
        label: names a token.
        step: the chosen one, from 0.
        name: what the picture is, in words.
        key: the widget's key.
        on_pick: called before the run that a press asks for; `picked_step` reads which step was pressed.
    """
    columns = []
    for i, one in enumerate(steps):
        parents = parent_candidates(steps, i)
        columns.append(
            [
                [
                    label(int(one.token_ids[c])),
                    float(f"{math.exp(float(one.log_probs[c])):.4g}"),
                    round(float(one.scores[c]) / math.log(2), 1),
                    _FATES.index(one.fates[c]),
                    parents[c],
                ]
                for c in range(len(one.token_ids))
            ]
        )
    data = {"name": name, "columns": columns, "best": list(map(int, best)), "at": step}
    _render(key=key, data=data, on_picked_change=on_pick)


def parent_candidates(steps: Sequence[lm.BeamStep], i: int) -> list[int]:
    """Which candidate of the step before each candidate of step ``i`` continues; -1 at the first step."""
    if i == 0:
        return [-1] * len(steps[0].token_ids)
    return [int(steps[i - 1].kept[parent]) for parent in steps[i].parents]


def picked_step(key: str) -> int | None:
    """In ``on_pick``: the step that was pressed, from 0. It comes from a browser: check that it is there."""
    return kit.whole(kit.sent(key, "picked"), "step")
