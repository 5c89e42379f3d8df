"""The texts of the strategies under each other, and the steps of those that look at more than one continuation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

import lmloupe as lm
from ui.base.downloads import take_away
from ui.base.errors import escape_markdown
from ui.base.glossary.tables import data_table
from ui.components.strategy_rows import StrategyRow, strategy_rows
from ui.components.stream_view import StreamToken
from ui.generation.live.boxes import Boxes
from ui.generation.speculative.view import show_speculation
from ui.generation.speculative.words import speculation_finding
from ui.generation.strategies.beams import show_beams
from ui.generation.strategies.contrastive import show_contrastive
from ui.generation.strategies.numbers import DEFINITIONS, bits, facts, table
from ui.generation.strategies.work import Row
from ui.page import finding

__all__ = ["show_rows", "show_steps", "show_table"]

ALIKE_BITS = 0.05


def show_rows(rows: Sequence[Row], tok: lm.Tokenizer, length_penalty: float) -> None:
    """Draw each text as boxes with its numbers; what is as in greedy's text is pale."""
    base = next((row for row in rows if row.asked.strategy == "greedy" and row.written is not None), None)
    best = _most_probable(rows)
    strategy_rows(
        [
            StrategyRow(
                row.asked.name,
                facts(row, length_penalty),
                _tokens(row, tok),
                same=0 if base is None or row is base else _same(row, base),
                badge="most probable" if row in best else "",
                note=_note(row),
                writing=row.written is not None and not row.finished and row.error is None,
            )
            for row in rows
        ],
        base="Greedy" if base is not None else "",
        key="strategy_rows",
    )


def _tokens(row: Row, tok: lm.Tokenizer) -> list[StreamToken]:
    if row.written is None:
        return []
    boxes = Boxes(tok)
    return [boxes.token(*one) for one in zip(row.written.token_ids, row.written.log_probs, strict=True)]


def _same(row: Row, base: Row) -> int:
    if row.written is None or base.written is None:
        return 0
    ours, theirs = row.written.token_ids, base.written.token_ids
    n = min(len(ours), len(theirs))
    return next((i for i in range(n) if ours[i] != theirs[i]), n)


def _note(row: Row) -> str:
    if isinstance(row.error, lm.LoupeError):
        return str(row.error)
    return "Waits for the ones above." if row.written is None and row.error is None and not row.begun else ""


def _most_probable(rows: Sequence[Row]) -> list[Row]:
    """Those with the most probable text, once all that can end have; none where all texts are the same."""
    done = [row for row in rows if row.finished]
    if len(done) < 2 or len(done) < sum(row.error is None for row in rows):
        return []
    sums = [bits(row.written) for row in done if row.written is not None]
    if max(sums) - min(sums) < ALIKE_BITS:
        return []
    return [row for row, value in zip(done, sums, strict=True) if value > max(sums) - ALIKE_BITS]


def show_table(rows: Sequence[Row], tok: lm.Tokenizer, length_penalty: float) -> None:
    """All numbers as a table, what they mean, and both to take away."""
    there = [row for row in rows if row.written is not None]
    if not there:
        return
    texts = [lm.spell(tok, np.array(row.written.token_ids, np.int64)).text for row in there if row.written is not None]
    found = table(there, length_penalty, texts)
    with st.expander("The numbers as a table, and what they mean", expanded=False):
        data_table(
            found, hide_index=True, width="stretch",
            column_config={
                "log₂ P": st.column_config.NumberColumn(format="%.2f"),
                "Score": st.column_config.NumberColumn(format="%.3f"),
                "Distinct-1": st.column_config.NumberColumn(format="percent"),
                "Distinct-2": st.column_config.NumberColumn(format="percent"),
                "Tokens/s": st.column_config.NumberColumn(format="%.1f"),
            },
        )  # fmt: skip
        st.markdown(DEFINITIONS.format(penalty=length_penalty))
        take_away("strategies", found, {})


def show_steps(rows: Sequence[Row], tok: lm.Tokenizer) -> None:
    """What beam search, contrastive search and the speculative ones looked at, step by step."""
    for row in rows:
        if row.written is None or not row.written.steps:
            continue
        steps, strategy = row.written.steps, row.asked.strategy
        if strategy == "beam":
            show_beams(steps, tok, row.asked.length_penalty)
        elif strategy == "contrastive":
            show_contrastive(steps, row.asked, tok)
        elif row.asked.drafting is not None:
            finding(speculation_finding(steps, row.asked.drafting))
            st.caption(escape_markdown(row.asked.name))
            show_speculation(steps, tok, key=f"speculation_{strategy}")
