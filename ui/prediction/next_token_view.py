"""The views of Next token below its pipeline, each drawn only when it is chosen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

import lmloupe as lm
from ui.base.downloads import PICTURE_MENU, take_away
from ui.base.errors import escape_markdown
from ui.base.labels import token_label
from ui.base.loaders import encoding
from ui.model.answers import scored
from ui.page import metrics_row
from ui.prediction.charts import draw_bars, phrase_bars, score_histogram, settings_bars
from ui.prediction.sampling_controls import choose_sampling
from ui.prediction.sampling_frames import draws_table, next_token_table, phrase_table, scores_table, settings_table
from ui.state import store as state
from ui.state.thread import show_thread

__all__ = ["VIEWS", "show_best", "show_draws", "show_phrase", "show_scores", "show_settings", "show_vocabulary"]

N_DRAWS = 200
VIEWS = {
    "best": "Most probable",
    "draws": f"Draw {N_DRAWS} times",
    "settings": "Two settings",
    "phrase": "A phrase",
    "vocabulary": "Whole vocabulary",
    "scores": "All scores",
}
_PERCENT = st.column_config.NumberColumn(format="percent")
_COLUMNS = {
    "Probability": _PERCENT,
    "Drawn with": _PERCENT,
    "Share drawn": _PERCENT,
    "First": _PERCENT,
    "Second": _PERCENT,
    "Bits": st.column_config.NumberColumn(format="%.2f"),
    "Logit": st.column_config.NumberColumn(format="%.3f"),
    "Expected": st.column_config.NumberColumn(format="%.1f"),
    "Spread": None,
    "Product so far": st.column_config.NumberColumn(format="%.3g"),
}


def show_best(tok: lm.Tokenizer, text: str, answer: lm.NextToken, stages: Sequence[lm.Stage], ids: list[int]) -> None:
    """The most probable tokens; a chosen row can be written and looked at on the other pages."""
    table = next_token_table(tok, ids, answer.log_probs, stages[-1].probs)
    share = st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1)
    event = st.dataframe(
        table, hide_index=True, width="stretch", height=36 * len(table) + 40,
        column_config=_COLUMNS | {"Probability": share, "Drawn with": share},
        on_select="rerun", selection_mode="single-row", key="next_token_table",
    )  # fmt: skip
    _go_on(tok, text, [ids[row] for row in event.selection.rows if row < len(ids)])
    take_away("next_token", table, {"logits": (lambda: answer.logits, f"float32 {answer.logits.shape}, by token id")})


def _go_on(tok: lm.Tokenizer, text: str, chosen: list[int]) -> None:
    if not chosen:
        st.caption("Choose a row to write that token behind the text, or to follow it to the other pages.")
        return
    label = token_label(tok, chosen[0])
    if not tok.has(chosen[0]):
        st.caption(
            f"No token has the id {chosen[0]:,}: the model's matrix has more rows than the tokenizer has tokens."
        )
        return
    piece = lm.decode(tok, chosen)
    if "\ufffd" in piece:
        st.caption(f"{escape_markdown(label)} is not a whole character: it cannot be written by itself.")
        return
    longer = text + piece
    st.button(
        f"Write {escape_markdown(label)} and go on", on_click=state.put, args=("text", longer),
        icon=":material/keyboard_tab:", help="Puts the token behind the text; the model then scores what follows it.",
    )  # fmt: skip
    enc = encoding(tok, longer, True, True)
    if len(enc):
        show_thread(enc, len(enc) - 1, "next_token", text=longer)


def show_draws(tok: lm.Tokenizer, probs: np.ndarray, n_shown: int) -> None:
    """Tokens drawn by chance, against the bars that they were drawn from."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        seed = state.number_input("seed", "Seed", width=160, help="Of the draws; the same seed draws the same tokens.")
        st.button(
            "Draw again", on_click=state.put, args=("seed", (seed + 1) % 2**31), icon=":material/casino:",
            help="Takes the next seed.",
        )  # fmt: skip
    drawn = np.random.default_rng(seed).choice(len(probs), N_DRAWS, p=probs)
    table = draws_table(tok, probs, drawn, n_shown)
    outside = N_DRAWS - int(table["Drawn"].sum())
    off = int((np.abs(table["Share drawn"] - table["Drawn with"]) > table["Spread"]).sum())
    st.caption(
        f"{N_DRAWS} independent draws of this one next token; {outside} fell on tokens that are not among the "
        f"{len(table)} shown. The whisker is two standard deviations: about one dot in twenty lies outside, here {off}."
    )
    chart_column, table_column = st.columns(2)
    with chart_column:
        st.plotly_chart(draw_bars(table, N_DRAWS), width="stretch", config=PICTURE_MENU)
    with table_column:
        st.dataframe(table, hide_index=True, width="stretch", height=36 * len(table) + 40, column_config=_COLUMNS)
    take_away("draws", table, {"drawn_ids": (lambda: drawn, f"int64 ({N_DRAWS},), the ids in the order drawn")})


def show_vocabulary(
    model: str, quantization: lm.Quantization, answer: lm.NextToken, stages: Sequence[lm.Stage]
) -> None:
    """Every token of the vocabulary, sortable by a click on a heading."""
    table = scores_table(model, quantization, tuple(answer.input_ids.tolist()), stages)
    st.caption(
        f"All {len(table):,} rows, most probable first. A click on a heading sorts; the magnifier in the table's "
        "corner searches it."
    )
    st.dataframe(table, hide_index=True, width="stretch", height=520, column_config=_COLUMNS)
    take_away("vocabulary_scores", table, {"logits": (lambda: answer.logits, f"float32 {answer.logits.shape}")})


def show_phrase(tok: lm.Tokenizer, model: str, quantization: lm.Quantization, answer: lm.NextToken) -> None:
    """The probability of what a person types: a product over its tokens."""
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
        score = scored(model, quantization, (*answer.input_ids.tolist(), *ids.tolist()))
        logs, ranks = score.log_probs[-len(ids) :], score.ranks[-len(ids) :]
    table = phrase_table(tok, ids.tolist(), logs, ranks)
    total = float(np.sum(logs, dtype=np.float64))
    metrics_row(
        [
            ("Probability", f"{np.exp(total):.3g}", "The product over the tokens, in the model's own distribution."),
            ("One in", f"{np.exp(-total):,.0f}" if total > -30 else f"{np.exp(-total):.2g}"),
            ("Surprisal", f"{-total / np.log(2):.2f} bits", "Minus the base-2 logarithm of the probability."),
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
        st.dataframe(table, hide_index=True, width="stretch", column_config=_COLUMNS)
    take_away("phrase", table, {"phrase_log_probs": (lambda: np.asarray(logs), "natural logs, one a token")})


def show_settings(tok: lm.Tokenizer, answer: lm.NextToken, stages: Sequence[lm.Stage], n_shown: int) -> None:
    """The same prompt under two settings; the first are those at the top of the page."""
    st.markdown("**Second settings** (the first are those above)")
    second = lm.sampling_stages(answer.logits, choose_sampling("_b"), answer.input_ids)
    one, two = stages[-1], second[-1]
    common = float(np.minimum(one.probs, two.probs).sum())
    rows = pd.DataFrame(
        {
            "": ["First", "Second"],
            "Tokens left": [int(one.kept.sum()), int(two.kept.sum())],
            "Entropy (bits)": [one.entropy_bits, two.entropy_bits],
            "Struck out": [float(stages[0].probs[~last.kept].sum()) for last in (one, two)],
        }
    )
    st.dataframe(
        rows, hide_index=True, width="content",
        column_config={"Struck out": _PERCENT, "Entropy (bits)": st.column_config.NumberColumn(format="%.2f")},
    )  # fmt: skip
    st.caption(f"The two distributions have {common:.1%} of their probability in common.")
    table = settings_table(tok, stages[0].probs, one.probs, two.probs, n_shown)
    chart_column, table_column = st.columns(2)
    with chart_column:
        st.plotly_chart(settings_bars(table), width="stretch", config=PICTURE_MENU)
    with table_column:
        st.dataframe(table, hide_index=True, width="stretch", height=36 * len(table) + 40, column_config=_COLUMNS)
    both = np.stack([one.probs, two.probs])
    take_away("two_settings", table, {"two_settings": (lambda: both, f"float64 {both.shape}: settings, token id")})


def show_scores(answer: lm.NextToken) -> None:
    """How all scores are spread."""
    st.plotly_chart(score_histogram(answer.logits, float(answer.logits.max())), width="stretch", config=PICTURE_MENU)
    st.caption(
        f"All {len(answer.logits):,} scores. Only differences between them count: the same number added to all "
        "changes no probability."
    )
