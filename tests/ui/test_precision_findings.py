"""The sentences of Precision are true of one precision and of many, of ties, and where nothing differs."""

from __future__ import annotations

import numpy as np
import pytest

import lmloupe as lm
from ui.precision.compare.continuations import continuations_finding
from ui.precision.compare.findings import (
    baseline_words,
    divergence_finding,
    next_finding,
    place_finding,
    states_finding,
)
from ui.precision.compare.question import news
from ui.precision.compare.views import next_columns, next_tokens, pair_columns

TOK = lm.load_tokenizer("smollm2")
WORDS = ("a", "b", "c")
IDS = np.array([int(lm.encode(TOK, word).input_ids[0]) for word in WORDS], np.int32)
VOCAB = int(IDS.max()) + 1


def log_probs(*shares: float) -> np.ndarray:
    """A row over a small vocabulary in which only "a", "b" and "c" are possible."""
    row = np.full(VOCAB, -np.inf, np.float32)
    row[IDS[: len(shares)]] = np.log(shares)
    return row


def result(
    spec: str,
    shares: tuple[float, ...] = (0.6, 0.3, 0.1),
    kl: tuple[float, ...] = (0.0, 0.0),
    flips: tuple[bool, ...] = (False, False),
    difference: int = -1,
    error: float = 0.0,
) -> lm.PrecisionResult:
    row, base = log_probs(*shares), log_probs(0.6, 0.3, 0.1)
    order = np.argsort(-row, kind="stable")[:3].astype(np.int32)
    own, first = np.argsort(-base, kind="stable")[:3], np.tile(order, (2, 1))
    return lm.PrecisionResult(
        precision=lm.Precision.parse(spec),
        is_baseline=spec == "float32",
        next_log_probs=row,
        kl_bits=np.array(kl),
        top_changed=np.array(flips),
        top_ids=first,
        top_log_probs=np.tile(row[order], (2, 1)),
        baseline_log_probs=np.tile(base[order], (2, 1)),
        log_probs_at_baseline=np.tile(row[own], (2, 1)),
        target_log_probs=np.array([-1.0], np.float32),
        baseline_target_log_probs=np.array([-1.0], np.float32),
        state_cosine=np.ones((3, 2), np.float32),
        state_error=np.array([[0, 0], [0, 0], [error, error]], np.float32),
        continuation_ids=IDS,
        continuation_log_probs=np.zeros(3, np.float32),
        first_difference=difference,
        weight_bytes=1,
        load_s=0.0,
        pass_s=0.0,
    )


def report(*others: lm.PrecisionResult) -> lm.QuantizationReport:
    return lm.QuantizationReport("m", "cpu", "bfloat16", IDS[:2], (result("float32"), *others))


def test_what_comes_next_is_told_of_none_one_and_many() -> None:
    base = log_probs(0.6, 0.3, 0.1)
    same, near = result("nf4", (0.7, 0.2, 0.1)), result("int8")
    other = result("fp4", (0.3, 0.5, 0.2), flips=(False, True))
    third = result("q4_0", (0.3, 0.5, 0.2), flips=(True, True))
    assert next_finding(base, "float32", [], TOK) == "float32 expects “a” next, with 60.0%"
    one = next_finding(base, "float32", [same], TOK)
    assert one == "nf4 puts “a” first as float32 does: 70.0%, where float32 says 60.0%"
    both = next_finding(base, "float32", [same, near], TOK)
    assert both == "both precisions put “a” first as float32 does: 60.0% to 70.0%, where float32 says 60.0%"
    assert next_finding(base, "float32", [near, near, near], TOK).startswith("all 3 precisions put “a” first")
    changed = next_finding(base, "float32", [other], TOK)
    assert changed == "fp4 puts “b” first (50.0%), float32 “a” (60.0%)"
    assert next_finding(base, "float32", [same, other], TOK).endswith("; the other puts “a” first as float32 does")
    assert next_finding(base, "float32", [same, near, other], TOK).endswith("; 2 others put “a” first as float32 does")
    assert next_finding(base, "float32", [other, third, same], TOK).startswith("fp4 and ~Q4_0 put another token first")


def test_divergence_is_told_where_there_is_none_and_where_the_first_flip_is_shared() -> None:
    flat = divergence_finding(report(result("nf4")))
    assert flat == "nf4 does not differ from float32 after any token of this text"
    assert divergence_finding(report(result("nf4"), result("int8"))).startswith("None of the precisions differs")
    far, near = result("nf4", kl=(0.5, 1.5), flips=(False, True)), result("int8", kl=(0.01, 0.01))
    said = divergence_finding(report(near, far))
    assert "nf4 is on average 1 bit away from float32, int8 0.01 bits" in said
    assert said.endswith("the first changed top token comes after token 2 (nf4)")
    again = result("fp4", kl=(0.5, 1.5), flips=(False, True))
    assert divergence_finding(report(far, again)).endswith("after token 2 (nf4 and fp4)")
    assert ", fp4" not in divergence_finding(report(far, again)).split(";")[0]
    assert divergence_finding(report(near)).endswith("; no other token comes first anywhere")


def test_a_place_names_both_tokens_only_where_they_differ() -> None:
    same, other = (
        result("nf4", (0.7, 0.2, 0.1), kl=(0.2, 0.2)),
        result("fp4", (0.3, 0.5, 0.2), (1.0, 1.0), (True, True)),
    )
    found = report(same, other)
    said = place_finding(found, same, 0, TOK)
    assert said == "After token 1, “a”: both put “a” first, float32 with 60.0%, nf4 with 70.0% (0.2 bits)"
    said = place_finding(found, other, 1, TOK)
    assert said == "After token 2, “b”: float32 puts “a” first (60.0%), fp4 “b” (50.0%); 1 bit apart"
    labels, columns = pair_columns(found, other, 0, TOK)
    assert labels == ["a", "b", "c"]
    assert columns[0].shares == pytest.approx((0.6, 0.3, 0.1), rel=1e-5)
    assert columns[1].shares == pytest.approx((0.3, 0.5, 0.2), rel=1e-5)
    assert [column.top for column in columns] == [0, 1]


def test_states_and_continuations() -> None:
    assert states_finding(report(result("nf4"))) == "The hidden states are the same in every layer"
    assert states_finding(report(result("nf4", error=0.25))).endswith("in nf4 at layer 2: by 25.0% of their length")
    same, early, late = result("int8"), result("fp4", difference=0), result("nf4", difference=2)
    assert continuations_finding(report(same)) == "int8 writes the same 3 tokens as float32"
    assert continuations_finding(report(same, same)).startswith("Both precisions write the same 3 tokens")
    assert continuations_finding(report(early)) == "fp4 writes something else from token 1 on"
    assert continuations_finding(report(early, late)) == "fp4 writes something else from token 1 on, the others later"
    assert continuations_finding(report(same, early)).endswith("; int8 writes the same 3 tokens as float32")


def test_columns_say_what_is_to_come_and_what_is_not_possible() -> None:
    base, found = log_probs(0.6, 0.3, 0.1), report(result("nf4"))
    ids = next_tokens(base, found.others)
    assert ids[0] == IDS[0]
    columns = next_columns(base, "float32", ["nf4", "int8"], found, ids, ended=False)
    assert [(column.name, column.note) for column in columns[2:]] == [("int8", "to come …")]
    assert next_columns(base, "float32", ["int8"], found, ids, ended=True)[1].note == "not measured"
    assert news(None) is None
    assert news(lm.ComparisonStep(0.5, "", found)) == (2, 0)


def test_the_baseline_is_never_called_what_it_is_not() -> None:
    found = report()
    assert "published 4-bit" not in baseline_words(found, embedded=False)
    assert baseline_words(found, embedded=False) == "Baseline: float32; the weights were published in bfloat16."
    assert "No precision here is the one in which the model was trained" in baseline_words(found, embedded=True)
