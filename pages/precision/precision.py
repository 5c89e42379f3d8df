"""Precision: one model in several precisions on the same text, and how far each is from the baseline."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

import lmloupe as lm
from ui.bar.bar import page_bar
from ui.base.downloads import PICTURE_MENU, take_away, with_menu
from ui.base.errors import escape_markdown, show_errors
from ui.base.glossary.tables import data_table
from ui.base.jobs import watch
from ui.base.labels import token_label
from ui.base.loaders import encoding, next_token
from ui.components.precision_view import divergence_line, picked, precision_bars
from ui.model.answers import readable
from ui.model.choice import choose_model
from ui.page import finding, reproduce, words_here
from ui.precision.compare import findings, views
from ui.precision.compare.code import comparison_code
from ui.precision.compare.continuations import continuations_finding, show_continuations
from ui.precision.compare.controls import choose_precisions
from ui.precision.compare.names import short
from ui.precision.compare.question import Question, news, progress
from ui.state import store as state
from ui.state.settings import EMBEDDED_MODEL
from ui.state.thread import select, selected, show_thread, window_start

LINE = "divergence"
SHOWN = 300
NUMBERS = {
    "Changed top tokens": st.column_config.NumberColumn(
        format="%.1f%%", help="Share of positions at which the most probable next token is another."
    ),
    "Mean Δp": st.column_config.NumberColumn(
        format="%+.2f%%", help="Mean change of the probability of the token that really follows, in percentage points."
    ),
    "RMS Δp": st.column_config.NumberColumn(format="%.2f%%", help="Root of the mean square of that change."),
    "ln(PPL ratio)": st.column_config.NumberColumn(
        format="%+.4f", help="ln(perplexity / the baseline's): 0.01 is about 1% more."
    ),
    "99% KL (bits)": st.column_config.NumberColumn(
        format="%.4g", help="99th percentile: the divergence is larger at one position in a hundred."
    ),
    "Mean KL (bits)": st.column_config.NumberColumn(format="%.4g"),
    "Median KL (bits)": st.column_config.NumberColumn(format="%.4g"),
    "Perplexity": st.column_config.NumberColumn(format="%.2f"),
    "Weights (MB)": st.column_config.NumberColumn(
        format="%.1f", help="With scales. Of a simulated format, what it would take."
    ),
    "Load (s)": st.column_config.NumberColumn(format="%.2f", help="0: it was loaded before."),
    "Pass (s)": st.column_config.NumberColumn(format="%.2f", help="Reading the text, measured on this machine."),
}

bar = page_bar("precision")
text = bar.text()
model, _, engine = choose_model(bar, "none")
specs = choose_precisions(bar)
report: lm.QuantizationReport | None = None
others: tuple[lm.PrecisionResult, ...] = ()

with show_errors():
    tok = engine.tokenizer
    enc = encoding(tok, text, True, True)
    ids = readable(engine, enc)
    described = engine.describe()
    baseline: lm.Dtype = state.get("baseline")
    base_spec = described.compute_dtype if baseline == "auto" else baseline
    question = Question(model, ids, baseline, tuple(s for s in specs if s != base_spec), state.get("compared_tokens"))
    running = question.ask()
    report = question.report(running)
    ended = running is None or running.ended

    name = short(lm.Precision.parse(base_spec))
    log_probs: NDArray[np.floating] | None = None
    if report is not None:
        log_probs = report.baseline.next_log_probs
    elif base_spec == described.compute_dtype:
        log_probs = next_token(model, "none", ids).log_probs
    others = () if report is None else report.others
    if log_probs is None:
        finding(f"What {name} expects is being measured")
        shown_ids: list[int] = []
    else:
        finding(findings.after(text) + findings.next_finding(log_probs, name, others, tok))
        shown_ids = views.next_tokens(log_probs, others)
    precision_bars(
        [token_label(tok, i) for i in shown_ids],
        views.next_columns(log_probs, name, question.precisions, report, shown_ids, ended=ended),
        name="Probability of the next token in each precision",
        key="next_bars",
    )
    if running is not None:
        watch(running, progress, news)
    for precision, why in () if report is None else report.refused:
        st.warning(escape_markdown(f"{precision.label}: {why}"), icon=":material/block:")
    if running is not None:
        running.result()  # raises what ended it
    if report is not None:
        said = findings.baseline_words(report, model == EMBEDDED_MODEL)
        wave = any(lm.Precision.parse(spec).is_simulated for spec in specs)
        simulated = " ~ simulated: weights are rounded to the format, its kernels are not run." if wave else ""
        st.caption(escape_markdown(said + simulated))

if report is not None and others:
    n = len(ids)
    furthest = max(others, key=lambda one: one.mean_kl_bits)
    wanted = state.get("precision_shown")
    one = next((other for other in others if other.precision.spec == wanted), furthest)
    place = selected(enc, otherwise=int(one.kl_bits.argmax()))
    of = f"{hash((ids, model))}"

    def take() -> None:
        """A token of the chart was pressed, or a precision in its legend."""
        pressed, spec = picked(LINE, of)
        if spec in {other.precision.spec for other in others}:
            state.put("precision_shown", spec)
        if pressed is not None and 0 <= pressed < n:
            select(enc, pressed)

    finding(findings.divergence_finding(report))
    start = window_start("divergence_from", "First token shown", n, SHOWN, place)
    end = min(n, start + SHOWN)
    divergence_line(
        [token_label(tok, i) for i in ids[start:end]], views.divergence_lines(report, start, end),
        first=start, chosen=place, shown=one.precision.spec, log=state.get("divergence_log"), key=LINE, of=of,
        on_pick=take,
    )  # fmt: skip
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        state.toggle("divergence_log", "Powers of ten", help="For precisions that are near the baseline.")
        st.caption(
            "KL divergence of the next token's distribution after each token, over the whole vocabulary: 0 bits is the "
            "same distribution. A dot: another token is the most probable one. A triangle: the first of them."
        )
    finding(findings.place_finding(report, one, place, tok))
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        names = {other.precision.spec: short(other.precision) for other in others}
        state.segmented(
            "precision_shown", "Beside the baseline", list(names), otherwise=one.precision.spec,
            format_func=names.__getitem__, label_visibility="collapsed",
        )  # fmt: skip
    labels, columns = views.pair_columns(report, one, place, tok)
    precision_bars(labels, columns, name=f"What {name} and {short(one.precision)} expect here", key="pair_bars")
    show_thread(enc, place, "precision")

    st.header("How far, in one number", anchor=False)
    statistics = views.statistics_table(report)
    if n == 1:
        statistics = statistics.drop(columns=["ln(PPL ratio)", "Perplexity", "Mean Δp", "RMS Δp"])
    data_table(statistics, hide_index=True, width="stretch", column_config=NUMBERS)
    why = " A text of one token has no perplexity: nothing in it is predicted." if n == 1 else ""
    st.caption(
        "The measures of llama.cpp's tables, which give KL in nats (bits × 0.693) and count the second half of a "
        f"context; here every position counts.{why}"
    )
    take_away(
        "precisions", views.divergence_table(report, tok),
        {
            "kl_bits": (
                lambda: np.stack([other.kl_bits for other in others]),
                f"float64 {(len(others), n)}, bits for each precision and position",
            )
        },
    )  # fmt: skip
    if len(report.baseline.continuation_ids):
        finding(continuations_finding(report))
        show_continuations(report, tok)
    if report.stateless:
        st.caption(escape_markdown(report.stateless))
    else:
        finding(findings.states_finding(report))
        left, right = st.columns(2)
        for column, cosine in ((left, False), (right, True)):
            chart = with_menu(views.states_chart(report, cosine=cosine))
            column.plotly_chart(chart, width="stretch", config=PICTURE_MENU)
        with st.expander("The same as a table"):
            data_table(views.states_table(report), hide_index=True, width="stretch", height=300)
        st.caption(
            "Of each token's hidden state: the cosine with the baseline's, and the length of the difference over the "
            "length of the baseline's; means over the tokens. The last layer's is normed."
        )
    words_here("precision", "quantization", "kl_divergence", "perplexity", "nf4", "int8")
    reproduce(comparison_code(described, question, one.precision))
