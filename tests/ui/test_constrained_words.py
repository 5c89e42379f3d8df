"""What Constrained says is true of no overruled token, of one, of all, and however a text ends."""

from __future__ import annotations

import math

import numpy as np
import pytest

import lmloupe as lm
from ui.generation.constrained import facts


def step(
    text: str, *, overruled: bool = False, ended_by: str = "", complete: bool = False, left: float = 0.5
) -> lm.Step:
    did = lm.ConstrainedStep(
        n_allowed=2,
        struck_out=1 - left,
        log_prob=math.log(0.8),
        overruled=overruled,
        top_allowed=np.array([not overruled]),
        allowed_ids=np.array([1, 2], np.int32),
        allowed_log_probs=np.log([0.8 * left, 0.2 * left]),
        complete=complete,
    )
    own = math.log(0.8 * left)
    token_id = sum(text.encode())
    return lm.Step(token_id, text, own, np.array([9]), np.log([0.9]), 1.0, 0.0, ended_by, constrained=did)


FREE = [step("It"), step(" is"), step(" so.")]


@pytest.mark.parametrize(
    ("steps", "free", "sentence"),
    [
        ([step("a")], FREE, "never overruled the model: its first choice was allowed at its only token"),
        ([step("a"), step("b")], FREE, "never overruled the model: its first choice was allowed at all 2 tokens"),
        (
            [step("a", overruled=True)],
            FREE,
            "at the only token; without it, it would have begun with “It is so.”",
        ),
        (
            [step("It"), step("b", overruled=True)],
            FREE,
            "at 1 of 2 tokens; without it, it would have gone on after 1 token with “is so.”",
        ),
        ([step("It"), step(" is", overruled=True), step(" so.")], FREE, "overruled the model at 1 of 3 tokens"),
        ([step("a", overruled=True)], [step("<end>", ended_by="stop")], "overruled the model at the only token"),
    ],
)
def test_the_finding_counts_what_was_overruled(steps: list[lm.Step], free: list[lm.Step], sentence: str) -> None:
    found = facts.constrained_finding(steps, free)
    assert found.startswith("The grammar ")
    assert found.endswith(sentence)


def test_a_long_text_is_quoted_up_to_a_word() -> None:
    found = facts.constrained_finding([step("a", overruled=True)], [step("word " * 20)])
    assert found.endswith("“word word word word …”")


@pytest.mark.parametrize(
    ("last", "words"),
    [
        (step("a", ended_by="grammar", complete=True), "allows nothing more"),
        (step("a", ended_by="stop", complete=True), "stop token"),
        (step("a", ended_by="length", complete=True), "no more than 1 token may be written; the text satisfies"),
        (step("a", ended_by="length"), "does not satisfy the grammar. Raise the maximum"),
        (step("a", ended_by="context"), "because the context is full: the text does not satisfy the grammar. Shorten"),
        (step("a"), "Broken off after 1 token"),
    ],
)
def test_the_ending_says_whether_the_text_satisfies_the_grammar(last: lm.Step, words: str) -> None:
    assert words in facts.ending([last])


def test_what_was_left_is_a_product() -> None:
    steps = [step("a", left=0.5), step("b", left=0.1)]
    assert facts.left_share(steps) == pytest.approx(0.05)
    said = facts.renormalized(steps)
    assert "5.0% was left" in said
    assert "95.0% struck out" in said
    assert "a probability of 3.2% in the model, and of 64.0% with the grammar" in said


def test_never_all_is_struck_out() -> None:
    """What is left may be too little for the difference from 1 to be a float."""
    one = step("a", left=1e-30)
    assert one.constrained is not None
    assert one.constrained.struck_out == 1
    assert ">99.999% struck out" in facts.renormalized([one])
    drawn = facts.grammar_steps(lm.load_tokenizer("smollm2"), [one], 49_152)[0]
    assert drawn.struck_out_text == ">99.999%"
    said = facts.renormalized([one] * 40)
    assert said.count("less than 10⁻²⁹⁸%") == 2
    assert " 0%" not in said
