"""The mean wait over the size of the class: sizes, chart and table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

import lmloupe as lm
from ui.base import theme
from ui.planner.classroom.speeds import Speed
from ui.planner.classroom.words import MOST, seconds

__all__ = ["Asked", "capacities", "capacity_table", "sizes", "wait_chart"]

N_POINTS = 48


@dataclass(frozen=True, slots=True)
class Asked:
    """What a class is asked to be.

    Attributes:
        students: of the class that is marked.
        think_s: between an answer and the next question.
        read: tokens of a question.
        write: tokens of an answer.
        patience_s: how long an answer may take.
        replicas: copies of the model.
        together: texts that a copy writes at once.
    """

    students: int
    think_s: float
    read: int
    write: int
    patience_s: float
    replicas: int
    together: int

    def settings(self, known: Speed) -> dict[str, float | int | None]:
        """As `lmloupe.class_capacity` takes them, all but the students."""
        return {
            "tokens_per_s": known.written,
            "think_s": self.think_s,
            "tokens_per_question": self.write,
            "prompt_tokens": self.read,
            "prompt_tokens_per_s": known.read,
            "pass_of_32": known.cost,
            "most_together": self.together,
            "replicas": self.replicas,
            "patience_s": self.patience_s,
        }


@st.cache_data(max_entries=256, show_spinner=False)
def _capacities(students: tuple[int, ...], settings: dict[str, float | int | None]) -> tuple[lm.ClassCapacity, ...]:
    return tuple(lm.class_capacity(n, **settings) for n in students)  # type: ignore[arg-type]


def capacities(students: Sequence[int], asked: Asked, known: Speed) -> tuple[lm.ClassCapacity, ...]:
    """Classes of these sizes.

    Raises:
        lmloupe.InvalidSettingError: a number that the library does not take.
    """
    return _capacities(tuple(students), asked.settings(known))


def sizes(chosen: lm.ClassCapacity) -> list[int]:
    """Sizes of the curve: from one to beyond the chosen class and the largest in time, both among them."""
    most = chosen.most_students
    end = min(MOST, max(20, 2 * chosen.students, round(1.5 * most)))
    between = np.unique(np.geomspace(1, end, N_POINTS).round().astype(int)).tolist()
    marks = [n for n in (chosen.students, most, most + 1) if 1 <= n <= end]
    return sorted({*between, *marks})


def wait_chart(curve: Sequence[lm.ClassCapacity], chosen: lm.ClassCapacity, patience_s: float) -> go.Figure:
    """The mean wait as a line, the chosen class as a point on it, the patience across, the largest class in time."""
    x, y = [one.students for one in curve], [one.answer_s for one in curve]
    ink, accent = theme.ink(), theme.accent()
    # Close to the largest class, whose words are below its mark, the chosen one's would be where those are.
    near = chosen.students < chosen.most_students < 3 * chosen.students and chosen.answer_s > 0.3 * patience_s
    said = f"{chosen.students:,} wait {seconds(chosen.answer_s)}"
    traces = [
        {
            "type": "scatter", "mode": "lines", "x": x, "y": y, "line": {"color": accent, "width": 2},
            "customdata": [seconds(one) for one in y],
            "hovertemplate": "%{x:,} people: %{customdata} on average<extra></extra>",
        },
        _mark(chosen.students, chosen.answer_s, said, x[-1], "bottom" if near else "top"),
    ]  # fmt: skip
    if 1 <= chosen.most_students < MOST and chosen.most_students != chosen.students:
        largest = next(one for one in curve if one.students == chosen.most_students)
        said = f"{largest.students:,} at most"
        traces.append(_mark(largest.students, largest.answer_s, said, x[-1], "bottom", symbol="diamond"))
    layout = theme.chart_layout(
        x_title="people in the class", y_title="mean wait for an answer, s", height=330, hovermode="closest",
        margin={"l": 8, "r": 16, "t": 34, "b": 8},
    )  # fmt: skip
    ticks = [n for power in range(5) for n in (10**power, 3 * 10**power) if n <= x[-1]]
    end = math.log10(x[-1]) * 1.02
    layout["xaxis"] |= {
        "type": "log", "range": [-0.02 * end, end], "tickvals": ticks, "ticktext": [f"{n:,}" for n in ticks],
    }  # fmt: skip
    # The line may leave the chart at its top: what is beyond three times the patience nobody waits for.
    top = max(1.25 * patience_s, 1.15 * chosen.answer_s, min(max(y), 3 * patience_s))
    layout["yaxis"] |= {"range": [0, 1.05 * top], "tickformat": ",~g"}
    figure = go.Figure({"data": traces, "layout": layout})
    figure.add_hline(
        y=patience_s, line={"dash": "dash", "color": ink, "width": 1},
        annotation={"text": f"patience, {seconds(patience_s)}", "font": {"color": ink, "size": 13}},
        annotation_position="top left",
    )  # fmt: skip
    return figure


def _mark(n: int, wait_s: float, said: str, end: int, where: str, symbol: str = "circle") -> dict[str, object]:
    side = "left" if n > math.sqrt(end) else "right"
    return {
        "type": "scatter", "mode": "markers+text", "x": [n], "y": [wait_s], "text": [f" {said} "],
        "textposition": f"{where} {side}", "textfont": {"color": theme.ink(), "size": 13}, "cliponaxis": False,
        "marker": {"color": theme.accent(), "size": 13, "symbol": symbol, "line": {"color": theme.ink(), "width": 2}},
        "hovertemplate": f"{n:,} people: {seconds(wait_s)} on average<extra></extra>",
    }  # fmt: skip


def capacity_table(curve: Sequence[lm.ClassCapacity], patience_s: float) -> pd.DataFrame:
    """A row for each size of the curve."""
    return pd.DataFrame(
        {
            "People": [one.students for one in curve],
            "Mean wait, s": [one.answer_s for one in curve],
            "Within patience": [one.answer_s <= patience_s for one in curve],
            "All at once, last, s": [one.at_once_s for one in curve],
            "Waiting at a moment": [one.asking for one in curve],
            "Model busy": [one.busy for one in curve],
            "Questions a minute": [one.questions_per_minute for one in curve],
            "Tokens a second, all": [one.tokens_per_s for one in curve],
        }
    )
