"""A beam search step by step: the tree, the candidates of one step, and the texts that it found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

import lmloupe as lm
from ui.base.downloads import take_away
from ui.base.glossary.tables import data_table
from ui.base.labels import token_label
from ui.base.words import counted
from ui.components.beam_tree import beam_tree, parent_candidates, picked_step
from ui.generation.strategies.numbers import ended_words
from ui.page import finding
from ui.state import store as state

__all__ = ["beams_finding", "best_path", "show_beams", "shown_step", "step_table"]

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")


def best_path(steps: Sequence[lm.BeamStep]) -> list[int]:
    """At each step the candidate of the best text: of the result, or of the best beam while the search goes on."""
    last = steps[-1]
    if last.ended_by and last.finished:
        return [int(i) for i in last.finished[0].path]
    at = int(last.kept[0])
    path = [at]
    for i in range(len(steps) - 1, 0, -1):
        at = parent_candidates(steps, i)[at]
        path.insert(0, at)
    return path


def beams_finding(steps: Sequence[lm.BeamStep]) -> str:
    """How far behind the best text was on the way."""
    n_beams = max(len(step.kept) for step in steps) or len(steps[-1].finished)
    if not steps[-1].ended_by:
        return f"Beam search: {counted(n_beams, 'beam')} at step {len(steps)} …"
    if n_beams <= 1:
        return "One beam is greedy: at each step the best continuation alone goes on"
    places = [_place(step, at) for step, at in zip(steps, best_path(steps), strict=False)]
    worst = max((place for place in places if place is not None), default=0)
    if worst == 0:
        return "The best text was the most probable beam at every step"
    step = places.index(worst)
    return f"The best text was only {_ordinal(worst)} of {n_beams} beams at step {step + 1}"


def _place(step: lm.BeamStep, candidate: int) -> int | None:
    kept = step.kept.tolist()
    return kept.index(candidate) if candidate in kept else None


def _ordinal(place: int) -> str:
    return _ORDINALS[place] if place < len(_ORDINALS) else f"{place + 1}th"


def shown_step(steps: Sequence[lm.BeamStep], wished: int) -> int:
    """The step to look at: the wished one, or, below 0, the first where the best text was furthest behind."""
    if wished >= 0:
        return min(wished, len(steps) - 1)
    places = [_place(step, at) or 0 for step, at in zip(steps, best_path(steps), strict=False)]
    return int(np.argmax(places))


def show_beams(steps: Sequence[lm.BeamStep], tok: lm.Tokenizer, length_penalty: float) -> None:
    """Draw the tree, the table of its chosen step and the finished texts."""
    finding(beams_finding(steps))
    best, step = best_path(steps), shown_step(steps, state.get("beam_step"))
    beam_tree(
        steps,
        best,
        label=partial(token_label, tok),
        step=step,
        name=f"Beam search, {counted(len(steps), 'step')}: the candidates of each step, the most probable first",
        key="beam_tree",
        on_pick=lambda: _pick(len(steps)),
    )
    st.subheader(f"Step {step + 1}: the best continuations of all beams", anchor=False)
    n = len(steps[step].token_ids)
    st.caption(
        f"Every beam is continued by every token; these {n} have the highest log₂ P. The best ones that do not end are "
        "kept. Click another step in the tree."
    )
    found = step_table(steps, step, tok)
    data_table(found, hide_index=True, width="stretch", column_config=_FORMATS)
    texts = steps[-1].finished
    if texts:
        st.subheader("Finished texts" if steps[-1].ended_by else "Finished texts so far", anchor=False)
        divided = "" if length_penalty == 0 else f", divided by tokens to the power of {length_penalty:g}"
        st.caption(f"Ranked by score: log₂ P{divided}. The end token counts.")
        data_table(_texts_table(texts, tok), hide_index=True, width="stretch", column_config=_FORMATS)
    everything = pd.concat([step_table(steps, i, tok).assign(Step=i + 1) for i in range(len(steps))])
    take_away("beam_search", everything, {})


_FORMATS = {
    "Probability": st.column_config.NumberColumn(format="percent"),
    "log₂ P": st.column_config.NumberColumn(format="%.2f"),
    "Score": st.column_config.NumberColumn(format="%.3f"),
}


def _pick(n: int) -> None:
    step = picked_step("beam_tree")
    if step is not None and 0 <= step < n:
        state.put("beam_step", step)


def _text_to(steps: Sequence[lm.BeamStep], step: int, candidate: int) -> list[int]:
    ids: list[int] = []
    for i in range(step, -1, -1):
        ids.insert(0, int(steps[i].token_ids[candidate]))
        candidate = parent_candidates(steps, i)[candidate]
    return ids


def step_table(steps: Sequence[lm.BeamStep], step: int, tok: lm.Tokenizer) -> pd.DataFrame:
    """A row for each candidate of a step, the most probable first."""
    one = steps[step]
    return pd.DataFrame(
        {
            "Text": [_spelled(tok, _text_to(steps, step, c)) for c in range(len(one.token_ids))],
            "Token": [token_label(tok, int(i)) for i in one.token_ids],
            "Continues beam": [int(parent) + 1 for parent in one.parents],
            "Probability": np.exp(one.log_probs.astype(np.float64)),
            "log₂ P": one.scores.astype(np.float64) / math.log(2),
            "Fate": list(one.fates),
        }
    )


def _texts_table(texts: Sequence[lm.BeamText], tok: lm.Tokenizer) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Rank": range(1, len(texts) + 1),
            "Text": [_spelled(tok, text.token_ids) for text in texts],
            "Tokens": [len(text.token_ids) for text in texts],
            "log₂ P": [text.log_prob / math.log(2) for text in texts],
            "Score": [text.score / math.log(2) for text in texts],
            "Ended by": [ended_words(text.ended_by, len(text.token_ids)) for text in texts],
        }
    )


def _spelled(tok: lm.Tokenizer, ids: Sequence[int] | np.ndarray) -> str:
    return lm.spell(tok, np.asarray(ids, np.int64)).text
