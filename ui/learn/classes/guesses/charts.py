"""The guesses of a class as one picture, with the right answer marked; a table has the same numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from ui.base import charts, theme
from ui.base.errors import escape_plotly
from ui.base.words import percent
from ui.learn.classes.guesses.results import Bar, Histogram, bars_of, cuts_of, histogram_of
from ui.learn.facts import Value
from ui.learn.lessons.judging import shown
from ui.learn.lessons.lesson import Question

__all__ = ["draw_distribution"]

_ROW, _HEIGHT = 44, 260
_RIGHT = "✓ "
_UPRIGHT = {"textposition": "outside", "cliponaxis": False, "constraintext": "none", "textangle": 0}
"""A number over a bar keeps its size."""


def draw_distribution(question: Question, guesses: Sequence[str], answer: Value | None, key: str) -> None:
    """Draw it: bars of choices and words, a histogram of numbers, cuts on the word. Nothing where nobody has guessed.

    Args:
        question: what was asked.
        guesses: of all students.
        answer: the right one; None where there is none.
        key: for the widgets.
    """
    if not guesses:
        return
    if question.kind == "number":
        histogram = histogram_of(question, guesses, answer)
        if histogram is None:
            return
        figure, table = _number_chart(histogram, question, answer), _number_table(histogram)
    elif question.kind == "cut":
        cuts = cuts_of(question, guesses, answer)
        figure, table = _cut_chart(cuts, question.text, len(guesses)), _bar_table(cuts, "Cut here", len(guesses))
    else:
        bars = bars_of(question, guesses, answer)
        figure, table = _bar_chart(bars, len(guesses)), _bar_table(bars, "Answer", len(guesses))
    st.plotly_chart(figure, key=f"{key}_chart", config={"displayModeBar": False})
    with st.expander("The same as a table"):
        st.dataframe(table, hide_index=True, key=f"{key}_table")


def _marked(bar: Bar) -> str:
    return f"{_RIGHT}{bar.label}" if bar.right else bar.label


def _colours(bars: Sequence[Bar]) -> list[str]:
    return [theme.MUTED if bar.right is False else theme.accent() for bar in bars]


def _bar_chart(bars: Sequence[Bar], n: int) -> go.Figure:
    labels, counts = pd.Series([_marked(bar) for bar in bars]), pd.Series([bar.n for bar in bars])
    figure = charts.bars(
        labels, counts, "%{x} of " + f"{n}<extra></extra>", x_title="", colour=_colours(bars),
        text_format=lambda count: f" {count:.0f} · {percent(count / n)} ",
    )  # fmt: skip
    figure.update_layout(height=round((_ROW * len(bars) + 30) * theme.chart_scale()), yaxis_ticklabelstandoff=6)
    figure.update_xaxes(visible=False, range=[0, 1.25 * max(counts.max(), 1)])
    figure.update_traces(textposition="outside", textfont={"color": theme.ink()})
    return figure


def _number_chart(histogram: Histogram, question: Question, answer: Value | None) -> go.Figure:
    edges = histogram.edges
    width = edges[1] - edges[0]
    centres = [(a + b) / 2 for a, b in pairwise(edges)]
    layout = theme.chart_layout(x_title=_axis(histogram, question), y_title="guesses", height=_HEIGHT, bargap=0.08)
    layout["yaxis"] |= _whole_axis(max(histogram.counts))
    layout["margin"] = layout["margin"] | {"t": round(34 * theme.chart_scale())}
    right = histogram.answer
    holds = [right is not None and a <= right <= b for a, b in pairwise(edges)]
    colours = [theme.accent() if one or right is None else theme.MUTED for one in holds]
    if right is not None and answer is not None:
        layout["shapes"] = [
            {"type": "line", "layer": "below", "x0": right, "x1": right, "yref": "paper", "y0": 0, "y1": 1,
             "line": {"color": theme.accent(), "width": 3 * theme.chart_scale()}}
        ]  # fmt: skip
        layout["annotations"] = [
            {"x": right, "yref": "paper", "y": 1, "yanchor": "bottom", "showarrow": False,
             "text": escape_plotly(_RIGHT + shown(question, answer)), "font": {"color": theme.ink()}}
        ]  # fmt: skip
    bar = {
        "type": "bar", "x": centres, "y": histogram.counts, "width": 0.92 * width, "marker": {"color": colours},
        "text": [f"{n}" if n else "" for n in histogram.counts], "hovertemplate": "%{y} guesses<extra></extra>",
        **_UPRIGHT, "textposition": ["inside" if one else "outside" for one in holds],
        "insidetextfont": {"color": theme.ink(on_accent=True)}, "outsidetextfont": {"color": theme.ink()},
    }  # fmt: skip
    return go.Figure({"data": [bar], "layout": layout})


def _whole_axis(most: int) -> dict[str, object]:
    """An axis of numbers of people, with room for the number on the highest bar."""
    return {"range": [0, 1.2 * max(most, 1)], "dtick": max(1, math.ceil(most / 4)), "tick0": 0}


def _axis(histogram: Histogram, question: Question) -> str:
    """The unit, and how many guesses lie too far away to be drawn."""
    away = [f"{n} lower" for n in [histogram.below] if n] + [f"{n} higher" for n in [histogram.above] if n]
    return escape_plotly("; ".join([question.unit or "guess", *([f"not drawn: {', '.join(away)}"] if away else [])]))


def _number_table(histogram: Histogram) -> pd.DataFrame:
    bins = zip(pairwise(histogram.edges), histogram.counts, strict=True)
    rows = [(f"from {a:g} to {b:g}", n) for (a, b), n in bins]
    rows = [("lower", histogram.below), *rows, ("higher", histogram.above)]
    return pd.DataFrame([row for row in rows if row[1]], columns=["Guess", "Guesses"])


def _cut_chart(bars: Sequence[Bar], word: str, n: int) -> go.Figure:
    """The letters of the word as the axis, and a bar on each place between two of them."""
    layout = theme.chart_layout(y_title="cut here", height=_HEIGHT)
    letters = [escape_plotly(letter if letter.strip() else "␣") for letter in word]
    layout["xaxis"] |= {
        "tickmode": "array", "tickvals": list(range(len(word))), "ticktext": [f"<b>{letter}</b>" for letter in letters],
        "range": [-0.6, len(word) - 0.4], "tickangle": 0, "showgrid": False,
    }  # fmt: skip
    layout["yaxis"] |= _whole_axis(max(bar.n for bar in bars))
    bar = {
        "type": "bar", "x": [i + 0.5 for i in range(len(bars))], "y": [bar.n for bar in bars], "width": 0.34,
        "marker": {"color": _colours(bars)}, **_UPRIGHT,
        "text": [f"{_RIGHT if bar.right else ''}{bar.n}" if bar.n or bar.right else "" for bar in bars],
        "textfont": {"color": theme.ink()}, "hovertemplate": "%{y} of " + f"{n}<extra></extra>",
    }  # fmt: skip
    return go.Figure({"data": [bar], "layout": layout})


def _bar_table(bars: Sequence[Bar], name: str, n: int) -> pd.DataFrame:
    table = pd.DataFrame({name: [bar.label for bar in bars], "Guesses": [bar.n for bar in bars]})
    table["Share"] = [percent(bar.n / n) for bar in bars]
    if any(bar.right is not None for bar in bars):
        table["Right"] = ["yes" if bar.right else "no" for bar in bars]
    return table
