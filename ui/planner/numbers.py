"""The planner's numbers written out: equations with rules of thumb, parameters by part, the cache of one token."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd
import streamlit as st

import lmloupe as lm
from ui.base.errors import escape_markdown
from ui.base.words import counted
from ui.components.memory_plan import Worked
from ui.planner.plans import Planned, precision_name
from ui.planner.words import NO_LIMIT, size

__all__ = [
    "BYTES",
    "CLASS",
    "bars_table",
    "cache_finding",
    "cards_table",
    "off",
    "parameter_finding",
    "parameter_parts",
    "room_metrics",
    "source_sentence",
    "worked",
]

_COLUMNS = ("Quantized weights", "Constants", "Unquantized weights", "KV cache", "Activations", "Kept free", "Total")
BYTES = {
    name: st.column_config.NumberColumn(format="localized")
    for name in (*_COLUMNS, "Memory (bytes)", "Needed (bytes)", "Largest context", "People at once")
}
"""How the columns of both tables are written."""
CLASS = {
    name: st.column_config.NumberColumn(format=written)
    for name, written in {
        "People": "localized", "Mean wait, s": "%.2f", "All at once, last, s": "%.1f", "Waiting at a moment": "%.2f",
        "Model busy": "percent", "Questions a minute": "%.1f", "Tokens a second, all": "%.1f",
    }.items()
}  # fmt: skip
"""How those of a class are."""
_KINDS = {
    "quantized": "quantized",
    "unquantized": "kept",
    "constants": "constants",
    "cache": "cache",
    "cache_token": "cache",
    "activations": "work",
}
_ROLES = {
    "embedding": "embedding",
    "attention": "attention",
    "mlp": "MLP",
    "experts": "experts",
    "norm": "norms",
    "vision": "vision",
    "other": "other",
    "output": "output matrix",
}


def worked(equations: Iterable[lm.Equation]) -> list[Worked]:
    """The equations as the page draws them."""
    return [_worked(one) for one in equations]


def _worked(one: lm.Equation) -> Worked:
    in_bytes = one.unit == "bytes"
    about = "about " if one.estimate else ""
    rule = ""
    if one.rule_value is not None:
        result = size(one.rule_value) if in_bytes else f"{one.rule_value:,}"
        rule = f"{one.rule} = {one.rule_filled} = {result}" if one.rule_filled else f"{one.rule}"
    return Worked(
        kind=_KINDS.get(one.key, "none"),
        name=one.what,
        symbols=one.symbolic,
        numbers=one.filled,
        result=f"{about}{size(one.value) if in_bytes else million(one.value)}",
        exact=f"{one.value:,} {one.unit}",
        rule=rule,
        off=off(one.value, one.rule_value) if one.rule_value is not None else "",
        note=one.note,
    )


def off(value: int, rule: int) -> str:
    """How far a rule of thumb is from what was counted.

    >>> off(100, 100), off(100, 112), off(100, 80), off(100, 400), off(440_000_000, 0)
    ('Exact here.', '12% too much here.', '20% too little here.', '4.0 times as much as here.',
     '440 MB are missing here.')
    """
    if rule == value:
        return "Exact here."
    if not rule:
        return f"{size(value)} are missing here."
    if not value:
        return f"{size(rule)} too much here."
    if rule >= 2 * value:
        return f"{rule / value:.1f} times as much as here."
    share = abs(rule - value) / value
    less = "less than 1%" if share < 0.01 else f"{share:.0%}"
    return f"{less} too {'much' if rule > value else 'little'} here."


def million(n: int) -> str:
    """A number of parameters as people say it.

    >>> million(134_515_008), million(8_030_261_248), million(36_864)
    ('134.5 million', '8.03 billion', '36,864')
    """
    if n >= 1e9:
        return f"{n / 1e9:,.2f} billion"
    return f"{n / 1e6:,.1f} million" if n >= 1e5 else f"{n:,}"


def parameter_parts(makeup: lm.Makeup) -> list[tuple[str, int, str]]:
    """Parameters by part: name, how many, in words; in the order in which a text goes through them."""
    sizes = dict.fromkeys(_ROLES, 0)
    for group in makeup.groups:
        sizes[group.role] += group.n_parameters
    return [(_ROLES[role], n, million(n)) for role, n in sizes.items() if n]


def parameter_finding(makeup: lm.Makeup) -> str:
    """The largest part in a sentence."""
    parts = parameter_parts(makeup)
    total = sum(n for _, n, _ in parts)
    name, n, _ = max(parts, key=lambda part: part[1])
    return f"{n / total:.0%} of the {million(total)} parameters are in the {name}"


def cache_finding(plan: lm.MemoryPlan) -> str:
    """What one more token takes, and what grouped queries save."""
    makeup, token = plan.model.makeup, plan.cache_bytes_per_token
    said = f"One more token of context takes {counted(token, 'byte')}"
    if 0 < makeup.n_kv_heads < makeup.n_heads:
        saved = makeup.n_heads / makeup.n_kv_heads
        said += (
            f": {counted(makeup.n_kv_heads, 'key and value head', 'key and value heads')} serve "
            f"{makeup.n_heads} query heads, which makes the cache {saved:.3g} times smaller"
        )
    windows = [group for group in makeup.caches if group.window is not None]
    if windows:
        layers = sum(group.layers for group in windows)
        most = max(group.window or 0 for group in windows)
        said += f"; {counted(layers, 'layer')} of {makeup.n_layers} keep only the last {counted(most, 'token')}"
    return said


def source_sentence(plan: lm.MemoryPlan) -> str:
    """Where the count comes from, as Markdown."""
    model, known = plan.model, plan.model.known
    exact = f"{counted(plan.n_parameters, 'parameter')}, counted from config.json"
    if known is None:
        return f"{exact}: {escape_markdown(model.makeup.architecture)}."
    same = (
        "as published"
        if known.published_parameters == plan.n_parameters
        else f"published: {known.published_parameters:,}"
    )
    gated = " The hub gives its weights to those who have accepted the licence." if known.gated else ""
    return f"{exact}, {same} ({escape_markdown(known.source)}). Licence: {escape_markdown(known.licence)}.{gated}"


def room_metrics(plan: lm.MemoryPlan, fit: lm.CardFit) -> list[tuple[str, str, str]]:
    """How much is left on the card: label, value, help."""
    more = max(0, fit.largest_context - plan.context)
    each = "" if plan.sequences == 1 else " each"
    room = "any length" if fit.largest_context >= NO_LIMIT else f"{fit.largest_context:,} tokens{each}"
    found = [
        (
            "Memory left" if fit.left_bytes >= 0 else "Memory missing",
            size(abs(fit.left_bytes)),
            f"Of {size(fit.card.memory_bytes)}, {size(fit.card.reserve_bytes)} of it are kept for other things.",
        ),
        (
            "Context that fits",
            room,
            f"{more:,} more than chosen.",
        ),
        ("People at once", f"{fit.most_sequences:,}", f"Each with {plan.context:,} tokens in the cache."),
        ("One more token", f"{plan.cache_bytes_per_token:,} bytes", "In the cache, for one person."),
    ]
    if fit.most_tokens_per_second:
        found.append(
            (
                "Speed, at most",
                f"{fit.most_tokens_per_second:,.0f} tokens/s",
                "One person's text: the card's published bandwidth, by the bytes of weights and cache that every token "
                "has to read. No program is faster; most are slower.",
            )
        )
    return found


def bars_table(found: Planned) -> pd.DataFrame:
    """The bars as a table, in bytes."""
    card = found.card
    return pd.DataFrame(
        [
            {
                "Precision": precision_name(plan),
                "Quantized weights": plan.quantized_bytes,
                "Constants": plan.constants_bytes,
                "Unquantized weights": plan.unquantized_bytes,
                "KV cache": plan.cache_bytes,
                "Activations": plan.activation_bytes,
                "Kept free": card.reserve_bytes,
                "Total": plan.total_bytes + card.reserve_bytes,
                "Fits": plan.fits(card),
            }
            for plan in found.plans.values()
        ]
    )


def cards_table(found: Planned, fits: Mapping[tuple[str, str], lm.CardFit]) -> pd.DataFrame:
    """Every card with every precision: one line each, for a file."""
    return pd.DataFrame(
        [
            {
                "Card": fit.card.name,
                "Memory (bytes)": fit.card.memory_bytes,
                "Precision": precision_name(found.plans[spec]),
                "Needed (bytes)": fit.needed_bytes,
                "Fits": fit.left_bytes >= 0,
                "Largest context": fit.largest_context,
                "People at once": fit.most_sequences,
            }
            for (_, spec), fit in fits.items()
        ]
    )
