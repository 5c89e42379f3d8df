"""The views of Next token below its bars, each drawn only when it is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

import lmloupe as lm
from ui.base import theme
from ui.base.downloads import PICTURE_MENU, take_away
from ui.base.errors import escape_markdown
from ui.base.glossary.tables import data_table
from ui.base.labels import token_label
from ui.base.loaders import encoding
from ui.base.shares import percent_columns, percents
from ui.base.words import counted, probability
from ui.model.answers import scored
from ui.page import metrics_row
from ui.prediction.charts import draw_bars, phrase_bars, score_histogram, settings_bars
from ui.prediction.next_token_chart import rolled, written
from ui.prediction.sampling.order import order_words
from ui.prediction.sampling.stages import show_flow
from ui.prediction.sampling_controls import choose_sampling, coin_of
from ui.prediction.sampling_frames import (
    draws_table,
    next_token_table,
    phrase_table,
    scores_table,
    settings_table,
    stages_table,
)
from ui.state import store as state
from ui.state.thread import show_thread

__all__ = ["VIEWS", "Shown", "facts", "show"]

VIEWS = {
    "best": "Most probable",
    "stages": "Rule by rule",
    "draws": "The rolls",
    "settings": "Two settings",
    "phrase": "A phrase",
    "vocabulary": "Whole vocabulary",
    "scores": "All scores",
}
_SHARES = ("Probability", "Drawn with", "Share rolled", "First", "Second", "Removed")
_COLUMNS: dict[str, Any] = percent_columns(_SHARES) | {
    "Bits": st.column_config.NumberColumn(format="%.2f"),
    "Entropy (bits)": st.column_config.NumberColumn(format="%.2f"),
    "Logit": st.column_config.NumberColumn(format="%.3f"),
    "Expected": st.column_config.NumberColumn(format="%.1f"),
    "Spread": None,
    "Product so far": st.column_config.NumberColumn(format="%.3g"),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page has computed, for the views to draw.

    Attributes:
        tok: the model's tokenizer.
        text: what the model read.
        model, quantization: the model.
        answer: its scores.
        sampling: the settings.
        stages: of `lmloupe.sampling_stages`, from both.
        best: the most probable tokens, in the model's own order.
    """

    tok: lm.Tokenizer
    text: str
    model: str
    quantization: lm.Quantization
    answer: lm.NextToken
    sampling: lm.Sampling
    stages: Sequence[lm.Stage]
    best: Sequence[int]


def facts(answer: lm.NextToken, stages: Sequence[lm.Stage], sampling: lm.Sampling) -> str:
    """How much was read and scored, how open the choice is, and what the settings leave of it."""
    own, last = stages[0], stages[-1]
    said = (
        f"{counted(len(answer.input_ids), 'token')} read, {counted(len(answer.logits), 'token')} scored. Entropy "
        f"{own.entropy_bits:.2f} bits (1 bit is a fair coin)"
    )
    if not sampling.rules:
        return f"{said}. All rules are off: the die lands on the model's own distribution."
    removed = probability(float(own.probs[~last.kept].sum()))
    left = counted(int(last.kept.sum()), "token")
    return (
        f"{said}, {last.entropy_bits:.2f} bits with these settings. {left} left; those removed had {removed} together."
    )


def show(view: str, shown: Shown) -> None:
    """Draw one of `VIEWS`."""
    views = {
        "best": _show_best,
        "stages": _show_stages,
        "draws": _show_draws,
        "settings": _show_settings,
        "phrase": _show_phrase,
        "vocabulary": _show_vocabulary,
        "scores": _show_scores,
    }
    views[view](shown)


def _table(table: pd.DataFrame, **options: Any) -> Any:
    """The table with its shares in percent; what is saved is the table as it is."""
    options.setdefault("height", 36 * len(table) + 40)
    return data_table(
        percents(table, _SHARES), hide_index=True, width="stretch", column_config=_COLUMNS, **options
    )  # fmt: skip


def _show_best(shown: Shown) -> None:
    """The most probable tokens; a chosen row can be written and looked at on the other pages."""
    tok, answer, ids = shown.tok, shown.answer, list(shown.best)
    table = next_token_table(tok, ids, answer.log_probs, shown.stages[-1].probs)
    event = _table(table, on_select="rerun", selection_mode="single-row", key="next_token_table")
    _go_on(tok, shown.text, [ids[row] for row in event.selection.rows if row < len(ids)])
    take_away("next_token", table, {"logits": (lambda: answer.logits, f"float32 {answer.logits.shape}, by token id")})


def _go_on(tok: lm.Tokenizer, text: str, chosen: list[int]) -> None:
    if not chosen:
        st.caption("Choose a row to add that token to the text, or to follow it to the other pages.")
        return
    label = token_label(tok, chosen[0])
    piece = written(tok, chosen[0])
    if piece is None:
        st.caption(f"{escape_markdown(label)} is not a text by itself, so it cannot be added.")
        return
    longer = text + piece
    st.button(
        f"Add {escape_markdown(label)} to the text", on_click=state.put, args=("text", longer),
        icon=":material/keyboard_tab:", help="The model then scores what follows it.",
    )  # fmt: skip
    enc = encoding(tok, longer, True, True)
    if len(enc):
        show_thread(enc, len(enc) - 1, "next_token", text=longer)


def _show_stages(shown: Shown) -> None:
    """What each rule removed, in the order in which they are applied."""
    st.caption(
        "The rules in the order in which they are applied; one that is off changes nothing. "
        + order_words(shown.sampling)
    )
    show_flow(shown.tok, shown.stages, shown.sampling, theme.family_colour(shown.model))
    table = stages_table(shown.stages, shown.sampling)
    _table(table)
    probs = np.stack([stage.probs for stage in shown.stages])
    take_away("rules", table, {"rules": (lambda: probs, f"float64 {probs.shape}: rule, token id")})


def _show_draws(shown: Shown) -> None:
    """The rolls of the die against the probabilities that they were drawn with."""
    probs = shown.stages[-1].probs
    draws = rolled(probs)
    if draws is None:
        st.info("Roll the die below the bars, and its draws are counted here.", icon=":material/casino:")
        return
    n = len(draws.ids)
    table = draws_table(shown.tok, probs, draws.ids, len(shown.best))
    outside = n - int(table["Rolled"].sum())
    off = int((np.abs(table["Share rolled"] - table["Drawn with"]) > table["Spread"]).sum())
    st.caption(
        f"{counted(n, 'independent draw')} of this one next token; {outside:,} fell on tokens that are not among the "
        f"{len(table)} shown. The whisker is two standard deviations: about one in twenty lies outside, here {off}."
    )
    chart_column, table_column = st.columns(2)
    with chart_column:
        st.plotly_chart(draw_bars(table, n), width="stretch", config=PICTURE_MENU)
    with table_column:
        _table(table)
    take_away("rolls", table, {"rolled_ids": (lambda: draws.ids, f"int64 ({n},), the ids in the order rolled")})


def _show_vocabulary(shown: Shown) -> None:
    """Every token of the vocabulary, sortable by a click on a heading."""
    answer = shown.answer
    table = scores_table(shown.model, shown.quantization, tuple(answer.input_ids.tolist()), shown.stages)
    st.caption(
        f"All {len(table):,} rows, most probable first. A click on a heading sorts; the magnifier in the table's "
        "corner searches it."
    )
    _table(table, height=520)
    take_away("vocabulary_scores", table, {"logits": (lambda: answer.logits, f"float32 {answer.logits.shape}")})


def _show_phrase(shown: Shown) -> None:
    """The probability of what a person types: a product over its tokens."""
    tok, answer = shown.tok, shown.answer
    phrase = state.text_input(
        "phrase", "A token or a phrase", help="What could come next. A space at its front belongs to the first token."
    )
    ids = encoding(tok, phrase, False, True).input_ids
    if len(ids) == 0:
        st.info("Write a token or a phrase to have its probability.", icon=":material/edit:")
        return
    logs: np.ndarray
    ranks: np.ndarray
    if len(ids) == 1:
        logs = answer.log_probs[ids]
        ranks = np.array([1 + int((answer.logits > answer.logits[ids[0]]).sum())])
    else:
        score = scored(shown.model, shown.quantization, (*answer.input_ids.tolist(), *ids.tolist()))
        logs, ranks = score.log_probs[-len(ids) :], score.ranks[-len(ids) :]
    table = phrase_table(tok, ids.tolist(), logs, ranks)
    total = float(np.sum(logs, dtype=np.float64))
    metrics_row(
        [
            (
                "Probability",
                probability(float(np.exp(total))),
                "The product over the tokens, in the model's own distribution.",
            ),
            ("One in", f"{np.exp(-total):,.0f}" if total > -30 else f"{np.exp(-total):.2g}"),
            ("Surprisal", f"{-total / np.log(2):.2f} bits"),
            ("Tokens", f"{len(ids):,}"),
        ]
    )
    st.caption(
        "The phrase is cut into tokens by itself and follows the text. The same words can be cut in other ways, whose "
        "probabilities would come on top; the model hardly ever gives them any."
    )
    chart_column, table_column = st.columns(2)
    with chart_column:
        st.plotly_chart(phrase_bars(table), width="stretch", config=PICTURE_MENU)
    with table_column:
        _table(table)
    take_away("phrase", table, {"phrase_log_probs": (lambda: np.asarray(logs), "natural logs, one a token")})


def _show_settings(shown: Shown) -> None:
    """The same prompt under two settings; the first are those below the bars."""
    answer, stages = shown.answer, shown.stages
    st.markdown("**Second settings** (the first are those above)")
    settings = choose_sampling("_b", shown.tok)
    second = lm.sampling_stages(answer.logits, settings, answer.input_ids, coin=coin_of(settings))
    one, two = stages[-1], second[-1]
    common = float(np.minimum(one.probs, two.probs).sum())
    rows = pd.DataFrame(
        {
            "": ["First", "Second"],
            "Tokens left": [int(one.kept.sum()), int(two.kept.sum())],
            "Entropy (bits)": [one.entropy_bits, two.entropy_bits],
            "Removed": [float(stages[0].probs[~last.kept].sum()) for last in (one, two)],
        }
    )
    data_table(percents(rows, ("Removed",)), hide_index=True, width="content", column_config=_COLUMNS)
    st.caption(f"The two distributions have {probability(common)} of their probability in common.")
    table = settings_table(shown.tok, stages[0].probs, one.probs, two.probs, len(shown.best))
    chart_column, table_column = st.columns(2)
    with chart_column:
        st.plotly_chart(settings_bars(table), width="stretch", config=PICTURE_MENU)
    with table_column:
        _table(table)
    both = np.stack([one.probs, two.probs])
    take_away("two_settings", table, {"two_settings": (lambda: both, f"float64 {both.shape}: settings, token id")})


def _show_scores(shown: Shown) -> None:
    """How all scores are spread."""
    answer = shown.answer
    st.plotly_chart(score_histogram(answer.logits, float(answer.logits.max())), width="stretch", config=PICTURE_MENU)
    st.caption(
        f"All {len(answer.logits):,} scores. Only differences between them count: the same number added to all "
        "changes no probability."
    )
