"""The dot plot of languages: a row a language, a dot a tokenizer, and the sentence that says what it shows."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from ui.base import theme
from ui.base.errors import escape_plotly
from ui.text.languages.counts import Counted, Measure, values

__all__ = ["as_many", "axis_title", "dot_plot", "finding_of"]

_ROW = 20  # pixels
_SIZES = (16, 13, 10, 7.5, 6, 5, 4.5, 4, 3.5)
_LABEL_SHARE = 0.04  # of the chart's width for each letter of a label, on a phone
_NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]


def as_many(times: float) -> str:
    """A ratio in words.

    >>> [as_many(times) for times in (9.03, 2.0, 1.01, 8.24, 0.5, 13.02)]
    ['nine times as much as', 'twice as much as', 'about as much as', 'about 8.2 times as much as', 'half as much as',
     '13 times as much as']
    """
    whole = round(times)
    if abs(times - 1) < 0.05:
        return "about as much as"
    if abs(times - 0.5) < 0.02:
        return "half as much as"
    if whole == 2 and abs(times - 2) < 0.05:
        return "twice as much as"
    if whole > 2 and abs(times - whole) < 0.05:
        return f"{_NUMBERS[whole] if whole < len(_NUMBERS) else whole} times as much as"
    return f"about {times:.1f} times as much as" if times >= 0.1 else f"about {times:.1g} times as much as"


def finding_of(first: Counted, language: int) -> str:
    """What the chosen language costs the first tokenizer.

    Args:
        first: the first tokenizer.
        language: place of the language.
    """
    languages, label = first.found.languages, first.choice.label
    if language == first.base:
        return f"{languages[language].name} costs {label} {first.base_tokens:,} tokens: the base of all the others"
    times = float(first.found.relative[language])
    return f"{languages[language].name} costs {label} {as_many(times)} {languages[first.base].name}"


def axis_title(first: Counted, measure: Measure) -> str:
    """What the axis counts."""
    base = first.found.languages[first.base].name
    if measure == "tokens":
        return "tokens"
    return f"× its own {base}" if measure == "own" else f"× {first.choice.label}'s {base}"


def dot_plot(all_of_them: Sequence[Counted], measure: Measure, chosen: int | None) -> go.Figure:
    """Draw the languages, the first tokenizer's costliest on top; a point's custom data begins with the place of its
    language.

    Args:
        all_of_them: the tokenizers, the first of which gives the order and the common base.
        measure: see `ui.text.languages.counts.Measure`.
        chosen: place of the language whose row is marked.
    """
    first = all_of_them[0]
    order = np.argsort(-first.found.n_tokens, kind="stable")
    rows = np.arange(len(order))
    shown = [values(one, first, measure)[order] for one in all_of_them]
    low, high = np.min(shown, axis=0), np.max(shown, axis=0)
    gaps = np.full(len(order), np.nan)
    figure = go.Figure(
        go.Scatter(
            x=np.stack([low, high, gaps], axis=1).ravel(),
            y=np.repeat(rows, 3),
            mode="lines",
            hoverinfo="skip",
            line={"color": theme.MUTED_LINE, "width": 2},
        )
    )
    # Each dot is smaller than the one below it: where several coincide, all of them are seen.
    for one, marks, size in zip(all_of_them, shown, _SIZES, strict=False):
        facts = [_facts(one, first, int(i)) for i in order]
        figure.add_scatter(
            x=marks, y=rows, mode="markers", name=escape_plotly(one.choice.label), customdata=facts,
            marker={
                "size": size * theme.chart_scale(),
                "color": theme.family_colour(one.choice.name),
                "line": {"width": 1, "color": theme.ground()},
            },
            hovertemplate=[_template(own) for own in facts],
            unselected={"marker": {"opacity": 1}},
        )  # fmt: skip
    names = [escape_plotly(first.found.languages[i].name) for i in order]
    if chosen is not None:
        row = int(np.flatnonzero(order == chosen)[0])
        names[row] = f"▸ {names[row]}"
        figure.add_hrect(row - 0.5, row + 0.5, fillcolor=theme.accent(), opacity=0.14, line_width=0, layer="below")
    farthest = float(np.max(high, initial=1.0)) * 1.06
    labels = _labels([one.choice.label for one in all_of_them], [float(marks[0]) for marks in shown], farthest)
    above = 1 + max(level for _, level in labels)  # rows that the names take
    figure.update_layout(
        **theme.chart_layout(x_title=escape_plotly(axis_title(first, measure)), height=_ROW * (len(order) + above) + 60)
    )
    figure.update_layout(hoverlabel={"align": "left"})
    figure.update_xaxes(range=[0, farthest], side="top", title_standoff=4)
    figure.update_yaxes(tickvals=rows, ticktext=names, ticksuffix="  ", range=[len(order) - 0.4, -0.7 - above])
    figure.update_yaxes(showgrid=False)
    for (x, level), one in zip(labels, all_of_them, strict=True):
        figure.add_annotation(
            x=x, y=-0.6 - level, text=escape_plotly(one.choice.label), showarrow=False, yanchor="bottom",
            font={"color": theme.family_colour(one.choice.name)},
        )  # fmt: skip
    if measure != "tokens":
        figure.add_vline(x=1, line_dash="dot", line_color=theme.MUTED_LINE)
    return figure


def _facts(one: Counted, first: Counted, place: int) -> list[int | str]:
    """The custom data of a dot, which `_template` shows: the place of its language first, its sentence last."""
    language, n_tokens = one.found.languages[place], int(one.found.n_tokens[place])
    base = first.found.languages[first.base].name
    facts = (
        language.name,
        f"{one.choice.label}: {n_tokens:,} tokens",
        f"{n_tokens / max(1, first.base_tokens):.2f} × {first.choice.label}'s {base}",
        f"{n_tokens / max(1, one.base_tokens):.2f} × its own {base}",
        *textwrap.wrap(language.sentences[0], 56)[:4],
    )
    return [place, *map(escape_plotly, facts)]


def _template(facts: list[int | str]) -> str:
    # Names and sentences stand in the custom data alone: nothing that others wrote comes near markup.
    lines = "<br>".join(f"%{{customdata[{i}]}}" for i in range(2, len(facts)))
    return f"<b>%{{customdata[1]}}</b><br>{lines}<extra></extra>"


def _labels(names: Sequence[str], places: Sequence[float], width: float) -> list[tuple[float, int]]:
    """Where each dot's name stands above the first row: its place and its level, so that no two overlap."""
    found: dict[int, tuple[float, int]] = {}
    taken: list[tuple[float, float, int]] = []
    for i in sorted(range(len(names)), key=lambda i: places[i]):
        half = len(names[i]) * _LABEL_SHARE * width / 2
        x = min(max(places[i], half), width - half)
        level = 0
        while any(n == level and x - half < right and x + half > left for left, right, n in taken):
            level += 1
        taken.append((x - half, x + half, level))
        found[i] = (x, level)
    return [found[i] for i in range(len(names))]
