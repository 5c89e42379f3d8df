"""The charts and tables of a comparison, from its report."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

import lmloupe as lm
from ui.base import theme
from ui.base.labels import token_label
from ui.components.precision_view import Column, Line
from ui.precision.compare.names import BASELINE_HUE, hue, is_variant, short

__all__ = [
    "divergence_lines",
    "divergence_table",
    "next_columns",
    "next_tokens",
    "pair_columns",
    "states_chart",
    "states_table",
    "statistics_table",
]

MOST_TOKENS = 8
OF_BASELINE, OF_EACH = 5, 2


def next_tokens(log_probs: NDArray[np.floating], others: Sequence[lm.PrecisionResult]) -> list[int]:
    """The tokens whose bars are drawn: the baseline's five best and each other's two, by the baseline's probability."""
    wanted = list(np.argsort(-log_probs, kind="stable")[:OF_BASELINE])
    for one in others:
        wanted += list(np.argsort(-one.next_log_probs, kind="stable")[:OF_EACH])
    found = list(dict.fromkeys(map(int, wanted)))[:MOST_TOKENS]
    return sorted(found, key=lambda token: -log_probs[token])


def next_columns(
    log_probs: NDArray[np.floating] | None,
    name: str,
    specs: Sequence[str],
    report: lm.QuantizationReport | None,
    ids: Sequence[int],
    *,
    ended: bool,
) -> list[Column]:
    """One column for the baseline and one for each precision, measured or not yet.

    Args:
        log_probs: the baseline's, (vocab,); None while they are not there.
        name: the baseline's.
        specs: the precisions, in order.
        report: what is known.
        ids: the tokens.
        ended: nothing more will be measured.
    """
    columns = [_column(name, BASELINE_HUE, log_probs, ids)]
    measured = {} if report is None else {one.precision.spec: one for one in report.others}
    refused = set() if report is None else {one.spec for one, _ in report.refused}
    for spec in specs:
        precision = lm.Precision.parse(spec)
        found = measured.get(spec)
        note = "not possible here" if spec in refused else "not measured" if ended else "to come …"
        columns.append(
            _column(
                short(precision), hue(precision), None if found is None else found.next_log_probs, ids,
                outlined=is_variant(precision), note=note,
            )
        )  # fmt: skip
    return columns


def _column(
    name: str,
    colour: str,
    log_probs: NDArray[np.floating] | None,
    ids: Sequence[int],
    *,
    outlined: bool = False,
    note: str = "to come …",
) -> Column:
    if log_probs is None:
        return Column(name, colour, outlined, note=note)
    top = int(log_probs.argmax())
    shares = tuple(float(np.exp(log_probs[token])) for token in ids)
    return Column(name, colour, outlined, shares, ids.index(top) if top in ids else -1)


def divergence_lines(report: lm.QuantizationReport, start: int, end: int) -> list[Line]:
    """The lines of a part of the text."""
    return [
        Line(
            short(one.precision), one.precision.spec, hue(one.precision), is_variant(one.precision),
            tuple(one.kl_bits[start:end].tolist()), tuple(np.flatnonzero(one.top_changed[start:end]).tolist()),
        )
        for one in report.others
    ]  # fmt: skip


def pair_columns(
    report: lm.QuantizationReport, one: lm.PrecisionResult, place: int, tok: lm.Tokenizer
) -> tuple[list[str], list[Column]]:
    """The two distributions after a token: the best tokens of both, by the baseline's probability."""
    base = report.baseline
    at_base = zip(base.top_ids[place], base.top_log_probs[place], one.log_probs_at_baseline[place], strict=True)
    at_own = zip(one.top_ids[place], one.baseline_log_probs[place], one.top_log_probs[place], strict=True)
    pairs = {int(token): (before, after) for token, before, after in (*at_base, *at_own)}
    best = sorted(pairs, key=lambda token: -max(pairs[token]))[:MOST_TOKENS]
    ids = sorted(best, key=lambda token: -pairs[token][0])
    columns = []
    for which, (result, colour) in enumerate(((base, BASELINE_HUE), (one, hue(one.precision)))):
        top = int(result.top_ids[place, 0])
        shares = tuple(float(np.exp(pairs[token][which])) for token in ids)
        outlined = which == 1 and is_variant(one.precision)
        columns.append(Column(short(result.precision), colour, outlined, shares, ids.index(top) if top in ids else -1))
    return [token_label(tok, token) for token in ids], columns


def statistics_table(report: lm.QuantizationReport) -> pd.DataFrame:
    """The measures of llama.cpp's tables, one row a precision."""
    rows = []
    for one in report.results:
        flip = one.first_flip
        rows.append(
            {
                "Precision": one.precision.label + (" (baseline)" if one.is_baseline else ""),
                "Weights (MB)": one.weight_bytes / 1e6,
                "Mean KL (bits)": one.mean_kl_bits,
                "Median KL (bits)": one.median_kl_bits,
                "99% KL (bits)": one.p99_kl_bits,
                "Changed top tokens": 100 * one.changed_top_share,
                "First changed after token": None if flip < 0 else flip + 1,
                "ln(PPL ratio)": one.ln_ppl_ratio,
                "Perplexity": one.perplexity,
                "Mean Δp": None if one.mean_probability_change is None else 100 * one.mean_probability_change,
                "RMS Δp": None if one.rms_probability_change is None else 100 * one.rms_probability_change,
                "Load (s)": one.load_s,
                "Pass (s)": one.pass_s,
            }
        )
    return pd.DataFrame(rows)


def divergence_table(report: lm.QuantizationReport, tok: lm.Tokenizer) -> pd.DataFrame:
    """Every position: the token, the divergence of each precision, the first guess of each."""
    table = pd.DataFrame(
        {
            "After token": range(1, len(report.input_ids) + 1),
            "Token": [token_label(tok, int(i)) for i in report.input_ids],
            f"First guess of {short(report.baseline.precision)}": _guesses(report.baseline, tok),
        }
    )
    for one in report.others:
        table[f"{short(one.precision)} (bits)"] = one.kl_bits
        table[f"First guess of {short(one.precision)}"] = _guesses(one, tok)
    return table


def _guesses(one: lm.PrecisionResult, tok: lm.Tokenizer) -> list[str]:
    return [token_label(tok, int(i)) for i in one.top_ids[:, 0]]


def states_table(report: lm.QuantizationReport) -> pd.DataFrame:
    """Cosine and relative error of the hidden states by layer, one column a precision and measure."""
    table = pd.DataFrame({"Layer": range(len(report.baseline.cosine_by_layer))})
    for one in report.others:
        table[f"{short(one.precision)}: cosine"] = one.cosine_by_layer
        table[f"{short(one.precision)}: relative error"] = one.error_by_layer
    return table


def states_chart(report: lm.QuantizationReport, *, cosine: bool) -> go.Figure:
    """A line a precision over the layers, its name at its end."""
    figure = go.Figure()
    for one in report.others:
        values = one.cosine_by_layer if cosine else one.error_by_layer
        name = short(one.precision)
        figure.add_scatter(
            x=list(range(len(values))), y=values, mode="lines", name=name,
            line={"color": hue(one.precision), "dash": "dash" if is_variant(one.precision) else "solid", "width": 2},
            hovertemplate=f"{name}, layer %{{x}}: %{{y:.4f}}<extra></extra>",
        )  # fmt: skip
    title = "mean cosine" if cosine else "mean relative error"
    layout = theme.chart_layout(x_title="layer (0 is the embedding)", y_title=title, height=300, showlegend=True)
    layout["legend"] = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "font": {"color": theme.ink()}}
    figure.update_layout(**layout)
    return figure
