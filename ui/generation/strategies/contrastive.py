"""A contrastive search step by step: the candidates of a step, and both terms of their scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

import lmloupe as lm
from ui.base.downloads import take_away
from ui.base.errors import escape_markdown
from ui.base.glossary.tables import data_table
from ui.base.labels import token_label
from ui.base.words import counted
from ui.components.token_view import TokenRow, token_view
from ui.generation.strategies.asked import Asked
from ui.page import finding
from ui.state import store as state

__all__ = ["candidates_table", "contrastive_finding", "show_contrastive", "telling_step"]


def _passed_over(step: lm.ContrastiveStep) -> bool:
    return step.token_id != int(step.candidate_ids[0])


def contrastive_finding(steps: Sequence[lm.ContrastiveStep]) -> str:
    """At how many steps the penalty decided."""
    n = sum(map(_passed_over, steps))
    if not n:
        return "The penalty changed nothing: contrastive search took the most probable token at every step"
    if len(steps) == 1:
        return "Contrastive search passed over the most probable token"
    return f"Contrastive search passed over the most probable token at {n} of {counted(len(steps), 'step')}"


def telling_step(steps: Sequence[lm.ContrastiveStep], wished: int) -> int:
    """The step to look at: the wished one, or, below 0, the first at which the penalty decided."""
    if wished >= 0:
        return min(wished, len(steps) - 1)
    return next((i for i, step in enumerate(steps) if _passed_over(step)), 0)


def show_contrastive(steps: Sequence[lm.ContrastiveStep], asked: Asked, tok: lm.Tokenizer) -> None:
    """Draw the text by the penalty of its tokens, and the candidates of the chosen step."""
    finding(contrastive_finding(steps))
    enc = lm.spell(tok, np.array([step.token_id for step in steps], np.int64))
    taken = [float(step.penalties[step.candidate_ids == step.token_id][0]) for step in steps]
    row = TokenRow(
        "Penalty", enc, subtitle="stronger: more like a token before it", fill=[max(0.0, value) for value in taken],
        notes=[f"penalty {value:.3f}" + (", not the most probable" if _passed_over(step) else "")
               for value, step in zip(taken, steps, strict=True)],
    )  # fmt: skip
    selection = token_view([row], text=enc.text, key="contrastive_text", selectable=True)
    if selection is not None:
        state.put("contrastive_step", selection.index)
    at = telling_step(steps, state.get("contrastive_step"))
    step = steps[at]
    st.subheader(f"Step {at + 1}: the candidates", anchor=False)
    st.caption(
        f"Score = (1 − {asked.penalty_alpha:g}) × probability − {asked.penalty_alpha:g} × penalty. The penalty is the "
        "largest cosine of the candidate’s last hidden state with those of all tokens before it (Su et al., 2022). The "
        "candidate with the highest score is taken. Click another token above."
    )
    found = candidates_table(steps, at, asked, tok)
    data_table(
        found, hide_index=True, width="stretch",
        column_config={
            "Probability": st.column_config.ProgressColumn(min_value=0, max_value=1, format="percent"),
            "Penalty": st.column_config.ProgressColumn(min_value=0, max_value=1, format="%.3f"),
            "Score": st.column_config.NumberColumn(format="%.3f"),
        },
    )  # fmt: skip
    if asked.top_k > len(step.candidate_ids):
        st.caption(escape_markdown(f"The vocabulary has no more than {len(step.candidate_ids)} tokens."))
    everything = pd.concat([candidates_table(steps, i, asked, tok).assign(Step=i + 1) for i in range(len(steps))])
    take_away("contrastive_search", everything, {})


def candidates_table(steps: Sequence[lm.ContrastiveStep], at: int, asked: Asked, tok: lm.Tokenizer) -> pd.DataFrame:
    """A row for each candidate of a step, the most probable first."""
    step = steps[at]
    before = [*asked.ids, *(one.token_id for one in steps[:at])]
    return pd.DataFrame(
        {
            "Candidate": [token_label(tok, int(i)) for i in step.candidate_ids],
            "Probability": step.probs.astype(np.float64),
            "Penalty": step.penalties.astype(np.float64),
            "Most like": [f"{token_label(tok, before[i])} (token {i + 1})" for i in step.nearest.tolist()],
            "Score": step.scores.astype(np.float64),
            "Taken": ["✓" if int(i) == step.token_id else "" for i in step.candidate_ids],
        }
    )
