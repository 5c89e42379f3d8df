"""What each precision writes on, token by token, with the first difference from the baseline marked."""

from __future__ import annotations

import numpy as np
import streamlit as st

import lmloupe as lm
from ui.base.labels import token_label
from ui.base.words import counted, probability
from ui.components.token_view import TokenRow, token_view
from ui.precision.compare.findings import listed
from ui.precision.compare.names import short

__all__ = ["continuations_finding", "show_continuations"]

BEHIND = 0.25
"""Shade of what comes after the first difference, which has the full one."""


def continuations_finding(report: lm.QuantizationReport) -> str:
    """Which precisions write what the baseline writes, and who leaves it first."""
    name, n = short(report.baseline.precision), len(report.baseline.continuation_ids)
    others = [one for one in report.others if one.first_difference >= 0]
    same = [one for one in report.others if one.first_difference < 0]
    if not others:
        many = "Both precisions" if len(same) == 2 else f"All {len(same)} precisions"
        who = short(same[0].precision) if len(same) == 1 else many
        return f"{who} {'writes' if len(same) == 1 else 'write'} the same {counted(n, 'token')} as {name}"
    first = min(others, key=lambda one: one.first_difference)
    at = [short(one.precision) for one in others if one.first_difference == first.first_difference]
    verb = "writes" if len(at) == 1 else "write"
    said = f"{listed(at)} {verb} something else from token {first.first_difference + 1} on"
    if not same:
        return said if len(at) == len(report.others) else f"{said}, the others later"
    names = listed([short(one.precision) for one in same])
    return f"{said}; {names} {'writes' if len(same) == 1 else 'write'} the same {counted(n, 'token')} as {name}"


def show_continuations(report: lm.QuantizationReport, tok: lm.Tokenizer) -> None:
    """A row for each continuation; precisions that write the same share one."""
    groups: dict[tuple[int, ...], list[lm.PrecisionResult]] = {}
    for one in report.results:
        groups.setdefault(tuple(one.continuation_ids.tolist()), []).append(one)
    for number, (ids, together) in enumerate(groups.items()):
        first, enc = together[0], lm.spell(tok, ids)
        at = first.first_difference
        fill = None if at < 0 else [np.nan if i < at else 1.0 if i == at else BEHIND for i in range(len(enc))]
        said = "" if at < 0 else f"differs from token {at + 1} on"
        if 0 <= at < len(enc):
            expected = report.baseline.continuation_ids
            other = f"“{token_label(tok, int(expected[at]))}”" if at < len(expected) else "its end"
            said += f": “{token_label(tok, ids[at])}” in place of {other}"
        notes = [f"probability {probability(float(np.exp(p)))}" for p in first.continuation_log_probs]
        row = TokenRow(
            ", ".join(short(one.precision) for one in together), enc, subtitle=said, fill=fill, notes=notes
        )  # fmt: skip
        token_view([row], text=enc.text, key=f"continuation_{number}")
    st.caption("Greedy: always the most probable token. The darkest token is the first that differs from the baseline.")
