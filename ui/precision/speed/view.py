"""Bytes and speed as aligned bars, as a table, and the job that measures."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

import lmloupe as lm
from ui.base.errors import escape_markdown
from ui.base.jobs import Job, job, watch
from ui.base.kept.finished import TIMED_S, Finished
from ui.base.kept.folder import machine
from ui.base.loaders import kept_name, local_engine
from ui.base.words import counted
from ui.components.bar_table import BarCell, BarRow, bar_table
from ui.precision.speed.words import gigabytes, megabytes

__all__ = ["OFFERED", "Asked", "draw_bars", "measurement", "predicted", "say_how", "show_job", "speed_table", "start"]

OFFERED = ("float32", "bfloat16", "float16", "int8", "fp4", "nf4", "fp4+double", "nf4+double")
SPEEDS = ("Writing, tokens per second", "Reading, tokens per second")

Asked = tuple[str, tuple[str, ...], int, int, int]
"""Model, precisions, prompt tokens, new tokens, rounds: all that a measurement depends on."""


@st.cache_resource(max_entries=32, show_spinner=False)
def predicted(_engine: lm.Engine, model: str, precisions: tuple[str, ...]) -> tuple[lm.WeightBytes, ...]:
    """Bytes of each precision, from the config alone; kept by the model's name."""
    return lm.predicted_weights(_engine, precisions)  # type: ignore[arg-type]


def measurement(asked: Asked, *, start: bool) -> Job[lm.SpeedReport] | None:
    """The job of this measurement; started where it is asked to and there is none yet."""
    model, precisions, prompt, new, rounds = asked

    def work() -> object:
        # The engine is asked for when the turn has come: a job that is kept must keep no model.
        return lm.speed_steps(
            local_engine(model, "none"),
            precisions,
            prompt_tokens=prompt,
            new_tokens=new,
            rounds=rounds,
        )

    kept = Finished[lm.SpeedReport](
        kept_name(model, "none", "speed", asked, machine()),
        lm.SpeedReport,
        lasts=lambda report: not any(row.refused for row in report.rows),
        fresh_s=TIMED_S,
    )
    return job(("speed", *asked), work if start else None, kept)  # type: ignore[arg-type]


def start(asked: Asked) -> None:
    """Ask for a measurement; in a button's ``on_click``."""
    measurement(asked, start=True)


def show_job(one: Job[lm.SpeedReport]) -> None:
    """How far a measurement is, with a Stop."""

    def progress(report: lm.SpeedReport | None) -> tuple[float, str]:
        return (0.0, "Counting …") if report is None else (report.done, f"{report.doing} …")

    watch(one, progress)


def say_how(report: lm.SpeedReport) -> None:
    """On what, in which order and how often it was measured, and what could not be had."""
    for row in report.rows:
        if row.refused:
            st.warning(escape_markdown(f"{row.precision.label}: {row.refused}"))
    order = "in turn, a round of each at a time"
    if not report.interleaved:
        order = "one after another, not in turn, because memory does not hold all at once"
    done = min((len(row.prefill_s) for row in report.rows if not row.refused), default=0)
    threads = f", {counted(report.threads, 'thread')}" if report.device == "cpu" else ""
    said = (
        f"Measured on {report.machine}{threads}, {order}. Bars are medians of {counted(done, 'round')}; the line over "
        "the end of a bar goes from the slowest round to the fastest."
    )
    st.caption(escape_markdown(said))


def draw_bars(found: Sequence[lm.WeightBytes], report: lm.SpeedReport | None) -> None:
    """A row for each precision: bytes, and speeds where they are measured."""
    rows = []
    for place, weights in enumerate(found):
        row = None if report is None else report.rows[place]
        cells = [_bytes_cell(weights, row), *_speed_cells(row)]
        rows.append(BarRow(weights.precision.label, weights.precision.is_quantized, cells))
    done = report is not None and all(row.measured or row.refused for row in report.rows)
    columns = ("Weights in memory, measured" if done else "Weights in memory, counted", *SPEEDS)
    bar_table(rows, columns, label="Bytes and speed by precision", key="speed_bars")


def _bytes_cell(weights: lm.WeightBytes, row: lm.MeasuredSpeed | None) -> BarCell:
    measured = None if row is None else row.measured
    shown = weights if measured is None else measured
    below = f"{megabytes(shown.weights)} without constants" if shown.constants else ""
    return BarCell(
        value=shown.total,
        text=megabytes(shown.total),
        below=below,
        hover=f"{shown.weights:,} bytes of weights + {shown.constants:,} bytes of scales and tables of levels. "
        f"transformers' get_memory_footprint() says {shown.footprint:,}: it counts {shown.buffers:,} bytes of buffers "
        "and no constants.",
    )


def _speed_cells(row: lm.MeasuredSpeed | None) -> list[BarCell]:
    if row is not None and row.refused:
        return [BarCell(None, "not to be had here")] * 2
    if row is None or not len(row.prefill_s):
        return [BarCell(None, "not measured yet")] * 2
    n = len(row.prefill_s)
    each = f"{row.new_tokens} tokens in {', '.join(f'{seconds:.3f}' for seconds in row.decode_s.sum(1))} s"
    return [
        BarCell(
            value=row.decode_per_s,
            text=f"{row.decode_per_s:,.1f}",
            below=f"{gigabytes(row.bytes_per_s)} read",
            low=float(row.decode_rates.min()),
            high=float(row.decode_rates.max()),
            hover=f"Median of {n}: {each}. {row.read_bytes:,} bytes a token × {row.decode_per_s:.2f} tokens a second = "
            f"{gigabytes(row.bytes_per_s)}.",
        ),
        BarCell(
            value=row.prefill_per_s,
            text=f"{row.prefill_per_s:,.0f}",
            low=float(row.prefill_rates.min()),
            high=float(row.prefill_rates.max()),
            hover=f"Median of {n}: {row.prompt_tokens} tokens in "
            f"{', '.join(f'{seconds:.3f}' for seconds in row.prefill_s)} s.",
        ),
    ]


def speed_table(found: Sequence[lm.WeightBytes], report: lm.SpeedReport | None) -> pd.DataFrame:
    """All numbers, a row a precision."""
    table = pd.DataFrame(
        {
            "Precision": [one.precision.label for one in found],
            "Predicted, bytes": [one.total for one in found],
            "Without constants, bytes": [one.weights for one in found],
            "get_memory_footprint()": [one.footprint for one in found],
        }
    )
    if report is None:
        return table
    rows = report.rows
    table["Measured, bytes"] = pd.array([row.measured.total if row.measured else None for row in rows], "Int64")
    table["Loading, s"] = [row.load_s for row in rows]
    table["Writing, tokens per second"] = [row.decode_per_s for row in rows]
    table["Writing, least"] = [min(row.decode_rates, default=0.0) for row in rows]
    table["Writing, most"] = [max(row.decode_rates, default=0.0) for row in rows]
    table["Reading, tokens per second"] = [row.prefill_per_s for row in rows]
    table["Reading, least"] = [min(row.prefill_rates, default=0.0) for row in rows]
    table["Reading, most"] = [max(row.prefill_rates, default=0.0) for row in rows]
    table["Read for a token, bytes"] = [row.read_bytes for row in rows]
    table["GB per second"] = [row.bytes_per_s / 1e9 for row in rows]
    if report.device == "cuda":
        table["torch.cuda, loaded"] = [row.memory.after - row.memory.before if row.memory else 0 for row in rows]
        table["torch.cuda, most in use"] = [row.memory.peak if row.memory else 0 for row in rows]
    return table
