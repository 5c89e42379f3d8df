"""The planner's sentences: true for what fits, for what does with less, for what does not; and its bars' sums."""

from __future__ import annotations

from dataclasses import replace

import pytest

import lmloupe as lm
from ui.components.memory_plan import Chosen, chosen_in
from ui.planner import numbers, verdicts
from ui.planner.choice import SHOWN, Asked, take
from ui.planner.plans import axis_end, planned, positions, rows
from ui.planner.words import NO_LIMIT, Verdict, verdict
from ui.state.settings import SETTINGS

LLAMA = Asked("llama-3.1-8b", "", "nf4", "t4", 8192, 1, simulated=False)
BASE = Verdict(
    model="M", precision="nf4", card="a T4", context=4096, sequences=1, limit=131_072, total=8, memory=16, weights=6,
    largest=61_377, largest_alone=61_377, most=14, larger=(("int8", "fits"), ("bfloat16", "no")),
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {},
            "M in nf4 fits a T4 with room for 61,000 tokens of context for one person, or 14 people with 4,096 each; "
            "in bfloat16 it does not",
        ),
        (
            {"largest": 131_072, "most": 1, "larger": (("bfloat16", "whole"), ("float32", "fits"))},
            "M in nf4 fits a T4 with its whole context of 131,072 tokens for one person; so it does in float32",
        ),
        (
            {"largest": NO_LIMIT, "limit": 0, "most": 1, "larger": ()},
            "M in nf4 fits a T4 with any length of context for one person",
        ),
        (
            {"sequences": 4, "larger": (("bfloat16", "less"),)},
            "M in nf4 fits a T4 for 4 people with 4,096 tokens each; there is room for 14; in bfloat16 it does with "
            "less context only",
        ),
        (
            {"sequences": 14, "larger": ()},
            "M in nf4 fits a T4 for 14 people with 4,096 tokens each, and for no more people",
        ),
        ({"total": 17}, "M in nf4 does not fit a T4 with 4,096 tokens for one person; with 61,000 it does"),
        (
            {"total": 17, "sequences": 3},
            "M in nf4 does not fit a T4 with 4,096 tokens for 3 people; with 61,000 each it does",
        ),
        (
            {"total": 17, "sequences": 3, "largest": 0},
            "M in nf4 does not fit a T4 with 4,096 tokens for 3 people; for one person 61,000 fit",
        ),
        (
            {"total": 17, "largest": 0, "largest_alone": 0, "way_out": "in nf4 it fits"},
            "M in nf4 does not fit a T4: of 16 bytes its weights take 6 bytes and leave too little to work in; in nf4 "
            "it fits",
        ),
        (
            {"total": 27, "weights": 20, "largest": 0, "largest_alone": 0},
            "M in nf4 does not fit a T4: its weights alone take 20 bytes, and there are 16 bytes",
        ),
    ],
)  # fmt: skip
def test_the_sentence_says_what_fits_and_what_would(changes, said):
    assert verdict(replace(BASE, **changes)) == said


@pytest.mark.parametrize("model", ["llama-3.1-8b", "llama-3.1-405b", "gemma-3-1b", "smollm2-135m"])
@pytest.mark.parametrize(("card", "people"), [("t4", 1), ("h100", 40), ("laptop-16", 3)])
def test_the_bars_are_the_librarys_plans_at_every_position(model, card, people):
    asked = replace(LLAMA, model=model, card=card, people=people, simulated=True)
    found = planned(asked)
    drawn, at = rows(found), positions(found)
    assert [row.spec for row in drawn if row.chosen] == ["nf4"]
    assert {row.spec for row in drawn} > set(SHOWN)
    assert list(at.contexts) == sorted(set(at.contexts))
    assert at.contexts[-1] == found.limit
    kind = found.card.kind
    for row in drawn:
        for i, j in ((0, 0), (len(at.contexts) // 2, 5), (-1, -1), (at.contexts.index(8192), at.people.index(people))):
            own = lm.memory_plan(model, row.spec, at.contexts[i], at.people[j], device_kind=kind)
            total = row.quantized + row.constants + row.kept + at.cache[row.table][i][j] + at.work[row.table][i][j]
            assert total == own.total_bytes
    assert axis_end(found, "card") > found.card.memory_bytes
    assert axis_end(found, "bars") > found.plan.total_bytes


def test_the_table_of_cards_says_what_the_library_says():
    found = planned(LLAMA)
    fits = verdicts.all_fits(found)
    lines = verdicts.card_lines(found, fits)
    assert [line.key for line in lines] == [card.key for card in lm.known_cards()]
    for line in lines[:-1]:  # the last is this machine, whose free memory moves
        for (spec, _, _), cell in zip(verdicts.columns(found), line.cells, strict=True):
            card = next(one for one in lm.known_cards() if one.key == line.key)
            plan = lm.memory_plan("llama-3.1-8b", spec, 8192, device_kind=card.kind)
            assert (cell.state in ("whole", "fits")) == plan.fits(line.key)
            assert (cell.state == "no") == (plan.largest_context(line.key) == 0)
            assert f"{plan.largest_context(line.key):,} tokens" in cell.title or cell.state == "no"
    t4 = next(line for line in lines if line.key == "t4")
    assert t4.chosen
    assert "no bfloat16" in t4.below


def test_what_does_not_fit_is_told_what_would():
    found = planned(replace(LLAMA, model="llama-3.1-70b", precision="float32"))
    assert verdicts.plan_finding(found, verdicts.all_fits(found)).endswith("in bfloat16 an H200 takes it")
    small = planned(replace(LLAMA, precision="bfloat16"))
    assert verdicts.plan_finding(small, verdicts.all_fits(small)).endswith("; in int8 it fits")
    large = planned(replace(LLAMA, model="llama-3.1-405b"))
    assert verdicts.plan_finding(large, verdicts.all_fits(large)).endswith(
        "none of these cards takes it in any precision"
    )


def test_grouped_queries_and_windows_are_said_where_there_are_some():
    assert "8 key and value heads serve 32 query heads, which makes the cache 4 times smaller" in numbers.cache_finding(
        lm.memory_plan("llama-3.1-8b")
    )
    plain = numbers.cache_finding(lm.memory_plan("phi-3-mini"))
    assert "query heads" not in plain
    assert "keep only the last" in numbers.cache_finding(lm.memory_plan("gemma-3-1b"))


def test_every_rule_of_thumb_is_held_against_what_was_counted():
    worked = {one.name: one for one in numbers.worked(lm.memory_plan("llama-3.1-8b", "nf4", 8192).equations)}
    assert worked["KV cache"].result == "1.1 GB"
    assert worked["KV cache"].exact == "1,073,741,824 bytes"
    assert worked["KV cache"].off == "4.0 times as much as here."
    assert worked["Quantization constants"].off == "436 MB are missing here."
    assert worked["Parameters"].exact == "8,030,261,248 parameters"


@pytest.mark.parametrize(
    ("sent", "chosen"),
    [
        ({"precision": "int8", "card": "h100"}, Chosen(precision="int8", card="h100")),
        ({"context": 4096, "sequences": 3}, Chosen(context=4096, sequences=3)),
        ({"context": True, "sequences": "3", "precision": 8, "card": ["t4"]}, Chosen()),
        ("nf4", Chosen()),
        (None, Chosen()),
    ],
)
def test_of_what_a_browser_sends_only_what_has_the_form_is_read(monkeypatch, sent, chosen):
    monkeypatch.setattr("ui.components.memory_plan.kit.sent", lambda *_: sent)
    assert chosen_in("plan_bars") == chosen


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (Chosen(context=0, sequences=2), {"plan_context": 8192, "plan_people": 2}),
        (Chosen(precision="nf5", card="abacus"), {"plan_precision": "nf4", "plan_card": "t4"}),
        (Chosen(precision="int8", card="l4"), {"plan_precision": "int8", "plan_card": "l4"}),
    ],
)
def test_what_no_setting_can_be_stays_as_it_is(monkeypatch, sent, kept):
    values = {"plan_context": 8192, "plan_people": 1, "plan_precision": "nf4", "plan_card": "t4"}
    monkeypatch.setattr("ui.planner.choice.chosen_in", lambda _: sent)
    monkeypatch.setattr(
        "ui.planner.choice.state.put", lambda name, value: values.update({name: SETTINGS[name].check(value)})
    )
    take("plan_bars")
    assert values.items() >= kept.items()
