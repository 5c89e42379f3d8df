"""The cost of a template on the screen: bars, the answer's tokens by surprisal, the answers that the model gives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

import lmloupe as lm
from ui.base import theme
from ui.base.errors import escape_markdown, escape_plotly
from ui.base.words import counted
from ui.components.token_view import TokenRow, token_view
from ui.prediction.generation.runs import Request, Run, finished_run
from ui.prediction.generation.view import stream

__all__ = ["answer_tokens", "cost_bars", "cost_table", "generated_answers"]

_RUNS = "template_runs"


def cost_table(names: Sequence[str], prompts: Sequence[Sequence[int]], bits: Sequence[np.ndarray]) -> pd.DataFrame:
    """One row a format: the mean surprisal of the answer, and the length of the prompt."""
    return pd.DataFrame(
        {
            "Template": list(names),
            "Bits per token": [float(b.mean()) for b in bits],
            "Prompt tokens": [len(prompt) for prompt in prompts],
        }
    )


def cost_bars(table: pd.DataFrame) -> go.Figure:
    """Bits per token of the answer; the model's own template in the accent."""
    places = list(range(len(table)))
    figure = go.Figure(
        go.Bar(
            x=table["Bits per token"],
            y=places,
            orientation="h",
            marker_color=[theme.accent(), *[theme.MUTED] * (len(table) - 1)],
            text=[f"{value:.2f}" for value in table["Bits per token"]],
            textposition="auto",
            textangle=0,
            constraintext="none",  # a number in a bar keeps its size
            insidetextfont_color=[theme.ink(on_accent=i == 0) for i in places],
            hovertemplate="%{x:.3f} bits per token<extra></extra>",
            cliponaxis=False,
        )
    )
    figure.update_layout(**theme.chart_layout(x_title="bits per token", height=34 * len(table) + 70))
    figure.update_yaxes(
        tickmode="array",
        tickvals=places,
        ticktext=[escape_plotly(name) for name in table["Template"]],
        autorange="reversed",
        ticksuffix=" ",
    )
    return figure


def answer_tokens(names: Sequence[str], answer: lm.Encoding, bits: Sequence[np.ndarray]) -> None:
    """The answer once a template, each token stronger in colour the more it surprised; one scale for all."""
    top = max(float(b.max()) for b in bits) or 1.0
    rows = [
        TokenRow(
            name, answer, f"{b.mean():.2f} bits per token", fill=b / top, notes=[f"{x:.2f} bits" for x in b.tolist()]
        )
        for name, b in zip(names, bits, strict=True)
    ]
    token_view(rows, text=answer.text, key="answer_cost")


def generated_answers(names: Sequence[str], requests: Sequence[Request], engine: lm.Engine, *, asked: bool) -> None:
    """The answers so far; when asked for, the missing ones one after another, each kept as it comes.

    Stop (or any other click) ends the one that is being written; what it has so far stays on the screen.
    """
    runs: dict[Request, Run] = st.session_state.setdefault(_RUNS, {})
    for name, request in zip(names, requests, strict=True):
        run = finished_run(request) or runs.get(request)
        if run is None and not asked:
            continue
        st.markdown(f"**{escape_markdown(name)}**")
        place = st.empty()
        if run is None or (asked and not run.finished):
            run = runs[request] = Run(request)
            stream(run, engine, place)
        # Of a dict of texts no more than these screens show; the oldest goes first.
        while len(runs) > 64:
            del runs[next(iter(runs))]
        place.code("".join(step.text for step in run.steps) or "(nothing)", language=None, wrap_lines=True)
        ended = "" if run.finished else " Stopped: press Generate answers for the rest."
        st.caption(f"{counted(len(run.steps), 'token')}, greedy.{ended}")
