"""The same text decoded with the cache and without it: times of each step, and the tokens, which are the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

import lmloupe as lm
from ui.base import theme
from ui.base.chips import chips
from ui.base.downloads import PICTURE_MENU, take_away
from ui.base.glossary.tables import data_table
from ui.base.jobs import Job, watch
from ui.base.labels import token_label
from ui.base.words import counted
from ui.page import finding, metrics_row
from ui.precision.kv_cache.sizes import seconds
from ui.state import store as state

__all__ = ["AT_ONCE", "race_finding", "show_race"]

AT_ONCE = 512
"""A longer text is not read again and again without somebody asking for it."""


def show_race(job: Job[tuple[lm.RaceStep, ...]] | None, tok: lm.Tokenizer, n_text: int) -> bool:
    """Draw what there is of the race, its progress and its length; True where the person has asked to start it."""
    steps = (job.latest if job is not None else None) or ()
    wanted = state.get("kv_tokens")
    finding(race_finding(steps, n_text, started=job is not None))
    if steps:
        st.plotly_chart(race_chart(steps, n_text), width="stretch", config=PICTURE_MENU, key="kv_race_chart")
    if job is not None:
        watch(job, lambda found: _progress(found, wanted))
        job.result()  # raises what ended it
    asked = False
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        state.slider("kv_tokens", "Tokens to decode", max_value=128, width=260, help="Each is decoded twice.")
        if job is None:
            asked = st.button("Decode both ways", icon=":material/play_arrow:", type="primary")
    if not steps:
        return asked
    same = _same(steps)
    labels = [token_label(tok, step.token_id) for step in steps]
    others = [token_label(tok, step.other_id) for step in steps]
    st.caption(f"Both ways wrote {_same_words(steps)}:" if same == len(steps) else _same_words(steps))
    chips(labels, marked=[same] if same < len(steps) else [], size_rem=1)
    if same < len(steps):
        st.caption("Without the cache:")
        chips(others, marked=[same], size_rem=1)
    kept, other = sum(s.seconds for s in steps), sum(s.other_seconds for s in steps)
    metrics_row(
        [
            ("With the cache", seconds(kept), f"All {counted(len(steps), 'step')}, the first reading of the text too."),
            ("Without", seconds(other), "The same tokens, the whole text read again for each of them."),
            ("Tokens read with it", f"{sum(s.n_read for s in steps):,}", "By the model, in all steps."),
            ("Without it", f"{sum(s.n_other_read for s in steps):,}", "By the model, in all steps."),
        ]
    )
    st.caption(
        "Measured on this machine in one run, the two ways in turn, which goes first changing from step to step. The "
        f"scores differ by at most {_apart(steps)}: the same sums in another order. Two tokens whose scores "
        "are closer than that may change places; else greedy decoding gives the same tokens, which is what a cache "
        "promises. The work of a step without it grows with the text, with it only attention's part does."
        + _beyond(steps)
    )
    table = race_table(steps, labels, others)
    with st.expander("Every step as a table"):
        data_table(table, hide_index=True, width="stretch")
    take_away("with_and_without_cache", table, {})
    return asked


def _progress(steps: tuple[lm.RaceStep, ...] | None, wanted: int) -> tuple[float, str]:
    done = len(steps or ())
    return done / wanted, f"{done} of {counted(wanted, 'token')} decoded both ways"


def _same(steps: Sequence[lm.RaceStep]) -> int:
    """How many tokens at the beginning are the same."""
    return next((i for i, step in enumerate(steps) if step.token_id != step.other_id), len(steps))


def _same_words(steps: Sequence[lm.RaceStep]) -> str:
    same = _same(steps)
    if same == len(steps):
        return f"the same {counted(len(steps), 'token')}" if len(steps) > 1 else "the same token"
    return (
        f"The first {counted(same, 'token')} are the same; at the next one two scores were closer than rounding, and "
        "from there the texts differ. With the cache:"
    )


def _apart(steps: Sequence[lm.RaceStep]) -> str:
    most = max((s.difference for s in steps if not np.isnan(s.difference)), default=0.0)
    return f"{most:.1e}" if most else "0"


def race_finding(steps: Sequence[lm.RaceStep], n_text: int, *, started: bool) -> str:
    """How the times of one token compare, by the median of all steps after the first."""
    if not steps:
        if started:
            return "Decoding the same text with the cache and without it …"
        return f"Without a cache each new token has all {counted(n_text, 'token')} read again: decode both ways"
    if len(steps) == 1:
        return f"The first token takes both ways the whole text: {seconds(steps[0].seconds)} with the cache"
    kept = float(np.median([s.seconds for s in steps[1:]]))
    other = float(np.median([s.other_seconds for s in steps[1:]]))
    times = other / kept
    if times < 1.1:
        return f"A token took {seconds(kept)} from the cache and {seconds(other)} without it: no time saved here"
    factor = f"{times:.1f}" if times < 9.95 else f"{times:.0f}"
    end = "for the same text" if _same(steps) == len(steps) else "until rounding parted the texts"
    return f"Without the cache a token took {factor} times as long: {seconds(other)} against {seconds(kept)}, {end}"


def race_chart(steps: Sequence[lm.RaceStep], n_text: int) -> go.Figure:
    """Seconds of each step, with the cache and without it, on one axis from zero."""
    x = list(range(1, len(steps) + 1))
    slow = max(max(s.seconds, s.other_seconds) for s in steps) >= 2
    unit, scale = ("seconds", 1) if slow else ("milliseconds", 1000)
    sides = (
        ("without the cache", theme.MUTED_LINE, [s.other_seconds for s in steps], [s.n_other_read for s in steps]),
        ("with the cache", theme.accent(), [s.seconds for s in steps], [s.n_read for s in steps]),
    )
    traces = [
        {
            "type": "scatter", "mode": "lines+markers", "x": x, "y": [scale * t for t in times], "name": name,
            "line": {"color": colour, "width": 2.5}, "marker": {"size": 7, "color": colour}, "customdata": read,
            "hovertemplate": f"token %{{x}} {name}: %{{y:.1f}} {unit}, %{{customdata:,}} read<extra></extra>",
        }
        for name, colour, times, read in sides
    ]  # fmt: skip
    layout = theme.chart_layout(
        x_title=f"new token (the first reads all {n_text:,} of the text, both ways)", y_title=unit,
        height=300, showlegend=True, margin={"l": 8, "r": 16, "t": 40, "b": 8},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "font": {"color": theme.ink()}},
    )  # fmt: skip
    layout["xaxis"] |= {"nticks": 12} | ({"dtick": 1} if len(steps) <= 12 else {})
    layout["yaxis"] |= {"range": [0, 1.08 * scale * _axis_end(steps)]}
    return go.Figure({"data": traces, "layout": layout})


def _axis_end(steps: Sequence[lm.RaceStep]) -> float:
    """Seconds up to which the chart goes: a step that something else held up would press all others to the ground."""
    times = [t for step in steps for t in (step.seconds, step.other_seconds)]
    return min(max(times), 5 * float(np.median([step.other_seconds for step in steps])))


def _beyond(steps: Sequence[lm.RaceStep]) -> str:
    """A sentence about the times that are not on the chart."""
    end = _axis_end(steps)
    n = sum(t > end for step in steps for t in (step.seconds, step.other_seconds))
    return f" Beyond the chart’s axis: {counted(n, 'measurement')}, see the table." if n else ""


def race_table(steps: Sequence[lm.RaceStep], labels: Sequence[str], others: Sequence[str]) -> pd.DataFrame:
    """A row for each step."""
    return pd.DataFrame(
        {
            "Step": range(1, len(steps) + 1),
            "With the cache": labels,
            "Without": others,
            "Milliseconds with": [1000 * s.seconds for s in steps],
            "Milliseconds without": [1000 * s.other_seconds for s in steps],
            "Read with": [s.n_read for s in steps],
            "Read without": [s.n_other_read for s in steps],
            "Largest difference of scores": [s.difference for s in steps],
            "Bytes of the cache": [s.cache_bytes for s in steps],
        }
    )
