"""What a question's answer is in a sentence, and the table of all cards and precisions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import lmloupe as lm
from ui.base.words import counted
from ui.components.memory_plan import Cell, Line, State
from ui.planner.plans import Planned, cards, plans_on, precision_name
from ui.planner.words import NO_LIMIT, Verdict, a_card, people, size, verdict

__all__ = ["MEANINGS", "UNITS", "all_fits", "card_finding", "card_lines", "columns", "plan_finding"]

Fits = dict[tuple[str, str], lm.CardFit]
MEANINGS: tuple[tuple[State, str], ...] = (
    ("whole", "fits, with the model's whole context"),
    ("fits", "fits, with so many tokens at most"),
    ("less", "fits with less context than chosen"),
    ("no", "does not fit"),
)
UNITS = (
    "GB are 10⁹ bytes. Cards are sold in units of 2³⁰ bytes, which are 7% more, and their driver gives programs a "
    "little less than what is sold. Of this machine it is what is free now."
)


def all_fits(found: Planned) -> Fits:
    """Every precision that is drawn on every card, by card and precision."""
    kinds = {card.kind for card in cards()} - {found.card.kind}
    plans = {kind: plans_on(found.plan.model, found.asked, found.plans, kind) for kind in kinds}
    plans[found.card.kind] = found.plans
    return {(card.key, spec): plan.on(card) for card in cards() for spec, plan in plans[card.kind].items()}


def plan_finding(found: Planned, fits: Fits) -> str:
    """The sentence above the bars."""
    asked, plan, card = found.asked, found.plan, found.card
    fit = fits[card.key, found.spec]
    alone = fit.largest_context
    if asked.people > 1 and not fit.largest_context:
        (one,) = plans_on(plan.model, replace(asked, people=1), (found.spec,), card.kind).values()
        alone = one.largest_context(card)
    return verdict(
        Verdict(
            model=found.name,
            precision=precision_name(plan),
            card=a_card(card.name),
            context=plan.context,
            sequences=plan.sequences,
            limit=found.limit,
            total=plan.total_bytes + card.reserve_bytes,
            memory=card.memory_bytes,
            weights=plan.weights_bytes,
            largest=fit.largest_context,
            largest_alone=alone,
            most=fit.most_sequences,
            larger=tuple(_larger(found, fits)),
            way_out=_way_out(found, fits),
        )
    )


def _larger(found: Planned, fits: Fits) -> Iterator[tuple[str, State]]:
    """The precisions that take more, from the smallest: name, and how they fit."""
    for spec, plan in reversed(found.plans.items()):
        if plan.total_bytes > found.plan.total_bytes and not plan.precision.is_simulated:
            yield plan.precision.label, _state(fits[found.card.key, spec], found.limit)


def _way_out(found: Planned, fits: Fits) -> str:
    """What would fit instead: a smaller precision on this card, else the smallest card."""
    for spec, plan in found.plans.items():
        smaller = plan.total_bytes < found.plan.total_bytes and not plan.precision.is_simulated
        if smaller and fits[found.card.key, spec].left_bytes >= 0:
            return f"in {plan.precision.label} it fits"
    sold = sorted((card for card in cards() if card.kind == "cuda"), key=lambda card: card.usable_bytes)
    for card in sold:
        if fits[card.key, found.spec].left_bytes >= 0:
            return f"the smallest card here that takes it is {a_card(card.name)}"
    for spec, plan in found.plans.items():
        for card in sold:
            if not plan.precision.is_simulated and fits[card.key, spec].left_bytes >= 0:
                return f"in {plan.precision.label} {a_card(card.name)} takes it"
    return "none of these cards takes it in any precision"


def _state(fit: lm.CardFit, limit: int) -> State:
    if fit.left_bytes < 0:
        return "less" if fit.largest_context else "no"
    return "whole" if limit and fit.largest_context >= limit else "fits"


def columns(found: Planned) -> list[tuple[str, str, bool]]:
    """The precisions as heads of the table, which may be broken after the letters."""
    breaks = str.maketrans({"+": "+\u200b", "_": "_\u200b"})
    return [(spec, spec.translate(breaks).replace("float", "float\u200b"), spec == found.spec) for spec in found.plans]


def card_lines(found: Planned, fits: Fits) -> list[Line]:
    """The table: one line a card."""
    lines = []
    for card in cards():
        cells = tuple(_cell(found, card, fits[card.key, spec]) for spec in found.plans)
        lacks = ", no bfloat16" if card.lacks("bfloat16") else ""
        below = f"{size(card.memory_bytes)}{' free' if card.key == 'here' else ''}{lacks}"
        lines.append(Line(card.key, card.name, below, card.key == found.asked.card, cells))
    return lines


def _cell(found: Planned, card: lm.Card, fit: lm.CardFit) -> Cell:
    state = _state(fit, found.limit)
    whom = f"{'each of ' if found.asked.people > 1 else ''}{people(found.asked.people)}"
    each = f"{counted(fit.largest_context, 'token')} for {whom}"
    said = {
        "whole": f"fits with the whole context, {each}",
        "fits": f"fits, with at most {each}",
        "less": f"does not fit with {found.plan.context:,} tokens; with {each} it does",
        "no": f"does not fit, {size(-fit.left_bytes)} too much",
    }[state]
    at_once = f"; at most {people(fit.most_sequences)} with {found.plan.context:,} tokens" if fit.most_sequences else ""
    text = _short(fit.largest_context) if state != "no" else ""
    return Cell(state, text, f"{card.name}: {said}{at_once}")


def _short(n: int) -> str:
    """A number of tokens in a small cell, never more than it is."""
    if n >= NO_LIMIT:
        return "any"
    return f"{n // 1000}k" if n >= 10_000 else f"{n // 100 / 10:g}k" if n >= 1000 else str(n)


def card_finding(found: Planned, fits: Fits) -> str:
    """The sentence above the table."""
    total = len(cards())

    def on(spec: str) -> int:
        return sum(fits[card.key, spec].left_bytes >= 0 for card in cards())

    chosen = found.spec
    beside = next(spec for spec in ("bfloat16", "nf4", "float32") if spec != chosen and spec in found.plans)
    n, other = on(chosen), on(beside)
    label = precision_name(found.plan)
    for_whom = f"{counted(found.plan.context, 'token')} for {people(found.plan.sequences)}"
    return f"With {for_whom} it fits {n} of {total} machines in {label}, {other} in {beside}"
