"""A speculation on the screen: what was drafted, what the model accepted of it, and what that was worth."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

import lmloupe as lm
from ui.base.errors import escape_markdown
from ui.base.labels import token_label
from ui.generation.speculative.words import speculation_numbers, speed_sentence, written
from ui.page import metrics_row

__all__ = ["show_speculation"]


def show_speculation(steps: Sequence[lm.SpeculationStep], tok: lm.Tokenizer, *, key: str = "speculation") -> None:
    """Draw the text with its drafted tokens, the row of numbers, and whether it was faster here.

    The heading is the page's: ``finding(speculation_finding(steps, drafting))``.

    Args:
        steps: the passes so far, or all.
        tok: the tokenizer.
        key: of the widget.
    """
    st.markdown(escape_markdown("".join(token_label(tok, step.token_id) for step in written(steps))))
    metrics_row(speculation_numbers(steps))
    if said := speed_sentence(steps):
        st.caption(said)
