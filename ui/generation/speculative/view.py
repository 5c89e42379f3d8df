"""A speculation on the screen: what was drafted, what the model accepted of it, and what that was worth."""

from __future__ import annotations

import math
from collections.abc import Sequence

import streamlit as st

import lmloupe as lm
from ui.base.labels import token_label
from ui.base.words import probability
from ui.components.draft_view import DraftedToken, Pass, draft_view
from ui.generation.speculative.words import speculation_numbers, speed_sentence
from ui.page import metrics_row

__all__ = ["passes_of", "show_speculation"]


def show_speculation(steps: Sequence[lm.SpeculationStep], tok: lm.Tokenizer, *, key: str = "speculation") -> None:
    """Draw the text with its drafted tokens, the row of numbers, and whether it was faster here.

    The heading is the page's: ``finding(speculation_finding(steps, drafting))``.

    Args:
        steps: the passes so far, or all.
        tok: the tokenizer.
        key: of the widget.
    """
    draft_view(passes_of(steps, tok), name="The text, drafted and own tokens", key=key)
    metrics_row(speculation_numbers(steps))
    if said := speed_sentence(steps):
        st.caption(said)


def passes_of(steps: Sequence[lm.SpeculationStep], tok: lm.Tokenizer) -> list[Pass]:
    """The passes as they are drawn."""
    return [_pass(step, tok) for step in steps]


def _pass(step: lm.SpeculationStep, tok: lm.Tokenizer) -> Pass:
    drafted = [
        DraftedToken(
            token_label(tok, int(token_id)), "" if math.isnan(p) else probability(float(p)), _draft_prob(float(q))
        )
        for token_id, q, p in zip(step.drafted_ids, step.draft_probs, step.target_probs, strict=True)
    ]
    tokens = [(token_label(tok, token.token_id), token.text.endswith("\n")) for token in step.tokens]
    return Pass(drafted, step.n_accepted, tokens, _source(step), _times(step))


def _draft_prob(q: float) -> str:
    return "" if q == 1 else probability(q)


def _source(step: lm.SpeculationStep) -> str:
    if step.match is None:
        return "" if len(step.drafted_ids) else "Nothing drafted: a plain pass."
    start, size = step.match
    before = "the token" if size == 1 else f"the {size} tokens"
    return f"Copied from token {start + 1:,} on: {before} before it matched."


def _times(step: lm.SpeculationStep) -> str:
    said = f"{1000 * step.verify_s:.0f} ms"
    if step.draft_s >= 0.0005:
        said = f"{1000 * step.draft_s:.0f} + {said}"
    return said if step.plain_s is None else f"{said}; plain {1000 * step.plain_s:.0f} ms"
