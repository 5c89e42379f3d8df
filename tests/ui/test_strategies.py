"""The sentences of Strategies are true of ties, of one text and of none; what is drawn of a beam search is its own."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import lmloupe as lm
from ui.components.beam_tree import parent_candidates
from ui.generation.strategies.asked import Asked
from ui.generation.strategies.beams import beams_finding, best_path, shown_step
from ui.generation.strategies.contrastive import contrastive_finding, telling_step
from ui.generation.strategies.words import strategies_finding
from ui.generation.strategies.work import Row, Written


def row(strategy: str, ids: tuple[int, ...] = (), bits: float = 0.0, **more: Any) -> Row:
    """A finished text with this sum of log probabilities in bits."""
    asked = Asked(strategy, "tiny", "none", (1,), 8)
    if not ids:
        return Row(asked, None, **more)
    each = bits * math.log(2) / len(ids)
    return Row(asked, Written(ids, (each,) * len(ids), 1.0, len(ids) - 1, "stop", ()), finished=True)


@pytest.mark.parametrize(
    ("rows", "penalty", "says"),
    [
        ([], 1.0, "No strategy is chosen"),
        ([row("beam")], 1.0, "Beam search is writing"),
        ([row("beam"), row("greedy")], 1.0, "Two strategies go on from one prompt"),
        ([row("beam", error=lm.NotAvailableError("no"))], 1.0, "Beam search does not work here"),
        ([row("sampling", (5,), -3.0)], 1.0, "Sampling wrote 1 token with log₂ P = −3.0"),
        ([row("greedy", (5, 6), -3), row("beam", (5, 6), -3)], 1.0, "Both strategies wrote the same text"),
        ([row(s, (5,), -1) for s in ("greedy", "beam", "sampling")], 1.0, "All three strategies wrote the same text"),
        (
            [row("greedy", (5, 6), -9), row("beam", (5, 7), -5.9)],
            1.0,
            "a text 8.6 times as probable as greedy’s (3.1 bits more)",
        ),
        (
            [row("greedy", (5,), -9), row("beam", (5, 7), -9.01)],
            1.0,
            "another text than greedy, and it is just as",
        ),
        (
            [row("greedy", (5, 6), -4), row("beam", (5, 7, 8, 9), -6)],
            1.0,
            "4.0 times as probable as beam search’s (2.0 bits more), but that one scores higher for its length: −1.50 "
            "against −2.00",
        ),
        ([row("greedy", (5, 6), -4), row("beam", (5, 7, 8, 9), -6)], 0.0, "(2.0 bits more), which found no better one"),
        (
            [row("greedy", (5, 6), -4), row("beam", (5, 6), -4), row("sampling", (7,), -3)],
            1.0,
            "Beam search found the same text as greedy",
        ),
        ([row("greedy", (5,), -4), row("sampling", (7,), -3)], 1.0, "Sampling wrote the most probable of two texts"),
        (
            [row("greedy", (5,), -2), row("prompt_lookup", (5,), -2), row("sampling", (7,), -3)],
            1.0,
            "Greedy and Speculative: prompt lookup wrote the most probable of two texts: log₂ P = −2.0",
        ),
        ([row("greedy", (5,), -2), row("beam")], 1.0, "Greedy wrote 1 token with"),  # what still runs is left out
    ],
)
def test_the_heading_is_true(rows: list[Row], penalty: float, says: str) -> None:
    assert says in strategies_finding(rows, penalty)


def step(parents: list[int], kept: list[int], ended_by: str = "", path: tuple[int, ...] = ()) -> Any:
    finished = (SimpleNamespace(path=np.array(path)),) if path else ()
    ids = np.arange(len(parents))
    return SimpleNamespace(
        parents=np.array(parents), kept=np.array(kept), token_ids=ids, finished=finished, ended_by=ended_by
    )


def test_the_best_text_is_followed_back_through_the_beams() -> None:
    """Two beams: the text that wins was the second one at step 2, and continues the first of step 1."""
    steps = [step([0, 0, 0, 0], [0, 2]), step([0, 1, 0, 1], [1, 2])]
    assert parent_candidates(steps, 0) == [-1] * 4
    assert parent_candidates(steps, 1) == [0, 2, 0, 2]
    assert best_path(steps) == [2, 1]  # of the best beam, while the search goes on
    assert beams_finding(steps) == "Beam search: 2 beams at step 2 …"
    steps.append(step([1, 0], [], "length", (0, 2, 0)))
    assert best_path(steps) == [0, 2, 0]
    assert beams_finding(steps) == "The best text was only second of 2 beams at step 2"
    assert (shown_step(steps, -1), shown_step(steps, 7), shown_step(steps, 0)) == (1, 2, 0)
    first = [step([0, 0], [0, 1]), step([0, 1], [], "length", (0, 0))]
    assert beams_finding(first) == "The best text was the most probable beam at every step"
    alone = [step([0, 0], [0]), step([0, 0], [], "finished", (0, 0))]
    assert beams_finding(alone).startswith("One beam is greedy")


def test_contrastive_search_says_how_often_the_penalty_decided() -> None:
    took = [SimpleNamespace(token_id=token, candidate_ids=np.array([5, 7])) for token in (5, 7, 7)]
    assert contrastive_finding(took) == "Contrastive search passed over the most probable token at 2 of 3 steps"
    assert contrastive_finding(took[:1]).startswith("The penalty changed nothing")
    assert contrastive_finding(took[1:2]) == "Contrastive search passed over the most probable token"
    assert (telling_step(took, -1), telling_step(took, 9), telling_step(took[:1], -1)) == (1, 2, 0)
