"""The sentences and numbers of a speculation follow from its passes, and its boxes show what became of each token."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import lmloupe as lm
from ui.generation.speculative.drafting import Drafting
from ui.generation.speculative.view import passes_of
from ui.generation.speculative.words import speculation_finding, speculation_numbers, speed_sentence, written

LOOKUP = Drafting("prompt_lookup", 5, 3, None)
EARLY = Drafting("early_layer", 4, 3, 15)
TOKEN = lm.Step(7, "x", -1.0, np.zeros(1, np.int32), np.zeros(1, np.float32), 0.0, 0.0)


def one(drafted: int, accepted: int, plain_s: float | None = None) -> lm.SpeculationStep:
    probs = np.full(drafted, np.nan)
    probs[: accepted + 1] = 0.25
    return lm.SpeculationStep(
        drafted_ids=np.arange(drafted, dtype=np.int32) + 40,
        draft_probs=np.full(drafted, 0.5),
        target_probs=probs,
        n_accepted=accepted,
        tokens=(TOKEN,) * (accepted + 1),
        n_read=drafted + 1,
        match=(3, 2) if drafted else None,
        draft_s=0.25,
        verify_s=0.75,
        plain_s=plain_s,
    )


@pytest.mark.parametrize(
    ("passes", "said"),
    [
        ([], "Prompt lookup: nothing is drafted yet"),
        ([one(0, 0)], "Prompt lookup: nothing was drafted, 1 token in 1 pass"),
        ([one(3, 1), one(2, 2)], "Prompt lookup: 3 of 5 drafted tokens were accepted, 5 tokens in 2 passes"),
        ([one(2, 0)], "Prompt lookup: none of 2 drafted tokens was accepted, 1 token in 1 pass"),
        ([one(2, 2)], "Prompt lookup: all 2 drafted tokens were accepted, 3 tokens in 1 pass"),
        ([one(2, 1)], "Prompt lookup: 1 of 2 drafted tokens was accepted, 2 tokens in 1 pass"),
        ([one(1, 1)], "Prompt lookup: the one drafted token was accepted, 2 tokens in 1 pass"),
        ([one(1, 0)], "Prompt lookup: the one drafted token was rejected, 1 token in 1 pass"),
    ],
)
def test_the_finding_counts(passes: list[lm.SpeculationStep], said: str) -> None:
    assert speculation_finding(passes, LOOKUP) == said
    assert speculation_finding(passes, EARLY) == said.replace("Prompt lookup", "Early layer")


@pytest.mark.parametrize(
    ("plain_s", "said"),
    [
        (1.5, "Faster here: 1.50 times the speed of plain decoding, 3.0 tokens per second against 2.0."),
        (
            0.75,
            "Slower here: 0.75 times the speed of plain decoding, 3.0 tokens per second against 4.0. "
            "Drafting took 25% of the time.",
        ),
        (1.04, "About as fast as plain decoding here: 3.0 tokens per second against 2.9."),
        (None, ""),
    ],
)
def test_whether_it_was_faster_is_said_as_measured(plain_s: float | None, said: str) -> None:
    assert speed_sentence([one(2, 2, plain_s)] * 2) == said


def test_the_numbers_are_the_totals() -> None:
    numbers = {
        label: value for label, value, *_ in speculation_numbers([one(4, 1, 2.0), one(0, 0, 2.0), one(4, 4, 2.0)])
    }
    assert numbers == {
        "Acceptance": "62.5%",
        "Mean length": "3.50 tokens",
        "Passes": "3 for 8 tokens",
        "Speculative": "2.7 tokens/s",
        "Plain": "1.3 tokens/s",
    }
    assert [value for _, value, *_ in speculation_numbers([])] == ["–", "–", "0 for 0 tokens", "–", "–"]
    assert len(written([one(4, 1), one(0, 0)])) == 3


def test_each_drafted_token_has_its_probabilities_and_its_fate() -> None:
    tok = lm.load_tokenizer("smollm2")
    first, plain, copied = passes_of([one(3, 1), one(0, 0), replace(one(1, 1), draft_probs=np.ones(1))], tok)
    assert [(t.target, t.draft) for t in first.drafted] == [("25.0%", "50.0%"), ("25.0%", "50.0%"), ("", "50.0%")]
    assert (first.n_accepted, len(first.tokens)) == (1, 2)
    assert first.source == "Copied from token 4 on: the 2 tokens before it matched."
    assert plain.source == "Nothing drafted: a plain pass."
    assert copied.drafted[0].draft == ""  # it proposed nothing else
    assert first.times == "250 + 750 ms"


def test_the_code_names_what_the_draft_needs() -> None:
    assert LOOKUP.code == "draft='prompt_lookup', n_draft=5, max_ngram=3"
    assert EARLY.code == "draft='early_layer', n_draft=4, layer=15"
    assert replace(EARLY, layer=None).code == "draft='early_layer', n_draft=4"
