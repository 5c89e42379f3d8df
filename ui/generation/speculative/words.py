"""What a speculation comes to, in words and numbers."""

from __future__ import annotations

from collections.abc import Sequence

import lmloupe as lm
from ui.base.words import counted, percent
from ui.generation.speculative.drafting import DRAFTS, Drafting

__all__ = ["speculation_finding", "speculation_numbers", "speed_sentence", "written"]

ALIKE = 0.05
"""Speeds that differ by less are called the same: as much comes of what else the machine does."""


def written(steps: Sequence[lm.SpeculationStep]) -> list[lm.Step]:
    """The tokens of all passes, as those of a generation."""
    return [token for step in steps for token in step.tokens]


def speculation_finding(steps: Sequence[lm.SpeculationStep], drafting: Drafting) -> str:
    """How many drafted tokens were accepted, and how many passes the text took."""
    found, name = lm.speculation_totals(steps), DRAFTS[drafting.draft]
    n, accepted = found.n_drafted, found.n_accepted
    took = f"{counted(found.n_tokens, 'token')} in {counted(found.n_passes, 'pass', 'passes')}"
    if not found.n_passes:
        return f"{name}: nothing is drafted yet"
    if not n:
        return f"{name}: nothing was drafted, {took}"
    if n == 1:
        return f"{name}: the one drafted token was {'accepted' if accepted else 'rejected'}, {took}"
    of = f"all {n}" if accepted == n else f"none of {n}" if not accepted else f"{accepted} of {n}"
    return f"{name}: {of} drafted tokens {'was' if accepted < 2 else 'were'} accepted, {took}"


def speed_sentence(steps: Sequence[lm.SpeculationStep]) -> str:
    """Whether it was faster than plain decoding in this run; empty where that was not measured."""
    found = lm.speculation_totals(steps)
    ratio = found.speedup
    if ratio is None or found.tokens_per_s is None or found.plain_tokens_per_s is None:
        return ""
    rates = f"{found.tokens_per_s:.1f} tokens per second against {found.plain_tokens_per_s:.1f}"
    if abs(ratio - 1) < ALIKE:
        return f"About as fast as plain decoding here: {rates}."
    if ratio > 1:
        return f"Faster here: {ratio:.2f} times the speed of plain decoding, {rates}."
    share = found.draft_s / (found.draft_s + found.verify_s)
    why = f" Drafting took {percent(share)} of the time." if share >= 0.2 else ""
    return f"Slower here: {ratio:.2f} times the speed of plain decoding, {rates}.{why}"


def speculation_numbers(steps: Sequence[lm.SpeculationStep]) -> list[tuple[str, str] | tuple[str, str, str]]:
    """The row of numbers, for `metrics_row`."""
    found = lm.speculation_totals(steps)

    def number(value: float | None, form: str, unit: str = "") -> str:
        return "–" if value is None else format(value, form) + unit

    timed = "Measured in this run, pass by pass in turn, without the time of other sessions and of reading the prompt."
    return [
        (
            "Acceptance",
            number(found.acceptance, ".1%"),
            f"Accepted of drafted tokens: {found.n_accepted} of {found.n_drafted}. Those after a rejected one count.",
        ),
        (
            "Mean length",
            number(found.mean_length, ".2f", " tokens"),
            "Tokens for each pass that had a draft: 1 + accepted / verification steps, "
            f"1 + {found.n_accepted} / {found.n_verified}. The 1 is the model's own.",
        ),
        (
            "Passes",
            f"{found.n_passes} for {counted(found.n_tokens, 'token')}",
            "Passes of the whole model after the prompt, those with nothing drafted included. Plain decoding needs one "
            "for each token.",
        ),
        ("Speculative", number(found.tokens_per_s, ".1f", " tokens/s"), f"Drafting and verifying. {timed}"),
        ("Plain", number(found.plain_tokens_per_s, ".1f", " tokens/s"), f"The same text, a token at a time. {timed}"),
    ]
