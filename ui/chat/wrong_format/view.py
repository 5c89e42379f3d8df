"""What the wrong format costs, on the screen: one matrix of formats and tokens, and what the model answers to each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

import lmloupe as lm
from ui.base.errors import escape_markdown
from ui.base.labels import token_label
from ui.base.words import counted
from ui.chat.lessons import LESSONS, take_lesson
from ui.chat.wrong_format.cost import Format, Scored, last_answer
from ui.components.format_matrix import MatrixRow, format_matrix
from ui.generation.live.runs import Request, Run
from ui.generation.live.shared import finished_run
from ui.generation.live.stream import stream
from ui.page import finding
from ui.pages import page

__all__ = ["answer_wanted", "cost_matrix", "cost_table", "generated_answers", "no_answer", "say_losses"]

MOST_COLUMNS = 400
_RUNS = "template_runs"
_WANTED = "wrong_format_answer_wanted"


def cost_matrix(rows: Sequence[Scored], answer: lm.Encoding, headline: str) -> None:
    """The finding, and the matrix under it: rows are formats, columns the answer's tokens, shades their surprisal."""
    finding(headline)
    columns = _labels(answer)[:MOST_COLUMNS]
    format_matrix(
        [
            MatrixRow(row.name, f"{row.mean:.2f} bits per token", row.bits[:MOST_COLUMNS].tolist())
            for row in sorted(rows, key=lambda row: (not row.own, row.mean))
        ],
        columns,
        label="Surprisal of each token of the answer after each format",
        unit="bits",
        key="format_matrix",
    )
    if len(answer) > MOST_COLUMNS:
        st.caption(f"The first {MOST_COLUMNS} of {len(answer):,} tokens; the table below has all.")


def cost_table(rows: Sequence[Scored], answer: lm.Encoding) -> pd.DataFrame:
    """The matrix as a table: one row for each format, one column for each token of the answer."""
    tokens = {f"{i + 1} {label}": [float(row.bits[i]) for row in rows] for i, label in enumerate(_labels(answer))}
    return pd.DataFrame(
        {
            "Format": [row.name for row in rows],
            "Bits per token": [row.mean for row in rows],
            "Prompt tokens": [len(row.ids) for row in rows],
            **tokens,
        }
    )


def _labels(answer: lm.Encoding) -> list[str]:
    return [token_label(answer.tokenizer, token_id) for token_id in answer.input_ids.tolist()]


def say_losses(written: Sequence[Format]) -> None:
    """Say which formats cannot be written, and which leave a part of the conversation out."""
    for form in written:
        if form.error:
            st.warning(escape_markdown(f"{form.name} has no row: {form.error}"))
        elif form.left_out:
            st.warning(escape_markdown(f"{form.name} leaves out {', '.join(form.left_out)}."), icon=":material/remove:")


def no_answer(model_name: str, tok: lm.Tokenizer, messages: Sequence[dict[str, Any]], *, can_answer: bool) -> None:
    """Say that there is nothing to score, and offer what can be scored: the model's own answer, and lessons.

    Args:
        model_name: as people know it.
        tok: the model's, for lessons that are written with its own marks.
        messages: the conversation without an answer.
        can_answer: whether the conversation asks for one.
    """
    finding("Nobody has answered in this conversation yet, so there is no answer to score")
    with st.container(horizontal=True, gap="small"):
        if can_answer:
            st.button(
                f"Let {escape_markdown(model_name)} answer, and score that",
                type="primary",
                icon=":material/smart_toy:",
                on_click=_want_answer,
                args=(json.dumps(messages, sort_keys=True),),
            )
        for lesson in LESSONS:
            if last_answer(list(lesson.messages)) is not None:
                st.button(
                    f"Lesson: {lesson.name}", key=f"scored_{lesson.key}", help=lesson.shows,
                    on_click=take_lesson, args=(lesson, tok),
                )  # fmt: skip
        st.page_link(page("chat").path, label="Write an answer on Chat template", icon=page("chat").icon_shortcode)


def answer_wanted(messages: Sequence[dict[str, Any]]) -> bool:
    """Whether the person has asked that the model itself answers this conversation."""
    return st.session_state.get(_WANTED) == json.dumps(messages, sort_keys=True)


def _want_answer(conversation: str) -> None:
    st.session_state[_WANTED] = conversation


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
