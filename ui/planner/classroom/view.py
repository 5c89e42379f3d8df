"""How many people the planned model serves: the curve, its numbers, and what it is asked."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

import lmloupe as lm
from ui.base.downloads import PICTURE_MENU, with_menu
from ui.base.errors import escape_markdown, show_errors
from ui.base.jobs import Job, watch
from ui.base.words import percent
from ui.page import finding, metrics_row
from ui.planner.classroom.curve import Asked, capacities, capacity_table, sizes, wait_chart
from ui.planner.classroom.speeds import Speed, as_found, class_job, measurable, most_together, speed
from ui.planner.classroom.words import assumptions, class_finding, how_fast, rate, seconds
from ui.planner.plans import Planned
from ui.planner.words import a_card
from ui.state import store as state

__all__ = ["Drawn", "draw_class"]

CODE = """
settings = {settings!r}
for students in {students!r}:
    found = lm.class_capacity(students, **settings)
    print(students, found.answer_s, found.at_once_s, found.most_students)
"""
MEASURED = """
# The speed as this server measured it: {rates}
engine = lm.load_engine({model!r}, {quantization!r})
print(lm.class_speed(engine))
"""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What the page's end needs of the class.

    Attributes:
        code: lines that print its numbers; empty where none are drawn.
        table: the curve; None without one.
    """

    code: str = ""
    table: pd.DataFrame | None = None


def draw_class(found: Planned) -> Drawn:
    """Draw the class of this plan, with its controls and, of this server's own machine, a way to measure it."""
    drawn = Drawn()
    with show_errors():
        known = speed(found)
        together = most_together(found)
        if not together:
            finding(f"{found.name} does not fit {a_card(found.card.name)}, so it answers nobody there")
        elif known is None:
            finding(f"How many people it serves depends on its speed, which nobody knows of {_where(found)} yet")
        else:
            drawn = _draw(found, known, together)
    _controls()
    if known is not None and together:
        st.caption(escape_markdown(how_fast(known, found.card, state.get("plan_replicas"))))
        st.caption(escape_markdown(assumptions(known, together)))
    _measuring(found, known, fits=together > 0)
    return drawn


def _where(found: Planned) -> str:
    if found.card.key.startswith("here"):
        return "this machine"
    return f"a mixture of experts on {a_card(found.card.name)}: a token reads a part of the weights"


def _draw(found: Planned, known: Speed, together: int) -> Drawn:
    asked = Asked(
        state.get("plan_students"), state.get("plan_think"), state.get("plan_read"), state.get("plan_write"),
        state.get("plan_patience"), state.get("plan_replicas"), together,
    )  # fmt: skip
    (chosen,) = capacities((asked.students,), asked, known)
    curve = capacities(sizes(chosen), asked, known)
    sentence = class_finding(chosen, asked.patience_s, bound=known.source == "bound")
    finding(sentence)
    st.plotly_chart(
        with_menu(wait_chart(curve, chosen, asked.patience_s)), width="stretch", config=PICTURE_MENU,
        key="plan_class_curve", alt=sentence,
    )  # fmt: skip
    metrics_row(_metrics(chosen))
    code = CODE.format(settings=asked.settings(known), students=[1, asked.students])
    where = measurable(found)
    if known.source == "measured" and where is not None:
        rates = ", ".join(f"{name} = {value:g}" for name, value in as_found(known).items())
        code += MEASURED.format(rates=rates, model=where[0], quantization=where[1])
    return Drawn(code, capacity_table(curve, asked.patience_s))


def _metrics(chosen: lm.ClassCapacity) -> list[tuple[str, str, str]]:
    waiting = "<0.1" if chosen.asking < 0.05 else f"{chosen.asking:,.{1 if chosen.asking < 1000 else 0}f}"
    return [
        (
            "Mean wait",
            seconds(chosen.answer_s),
            "From a question to the end of its answer, on average.",
        ),
        ("One alone", seconds(chosen.alone_s), "The same where nobody else asks."),
        (
            "All at once",
            seconds(chosen.at_once_s),
            "Until the last of the class has its answer, where all press in the same second.",
        ),
        (
            "Waiting",
            waiting,
            "People who wait for an answer at a moment, on average.",
        ),
        ("Model busy", percent(chosen.busy), "Share of the time in which somebody waits."),
        ("Tokens", f"{rate(chosen.tokens_per_s)}/s", "Written for all together."),
    ]


def _controls() -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom", key="plan_class_controls"):
        state.number_input("plan_students", "People", width=130, help="Of the class, each with a page of their own.")
        state.number_input(
            "plan_think", "Thinking, s", width=130, step=5.0, format="%g",
            help="Between an answer and the next question of the same person, on average.",
        )  # fmt: skip
        state.number_input(
            "plan_read", "Tokens read", width=130,
            help="Of each question. What is kept of an earlier turn of a conversation is not read again.",
        )  # fmt: skip
        state.number_input(
            "plan_write", "Tokens written", width=130, help="Of each answer; 1 for a page that asks for the next token."
        )
        state.number_input(
            "plan_patience", "Patience, s", width=130, step=5.0, format="%g", help="How long an answer may take."
        )
        state.number_input("plan_replicas", "Copies", width=130, help="Of the model, each on a card of its own.")
        with st.popover("Speed", icon=":material/speed:", width="content"):
            nothing = "0: as it was measured here, or at most as the card's bandwidth allows."
            state.number_input("plan_speed", "Written for one person, tokens/s", format="%g", help=nothing)
            state.number_input("plan_read_speed", "Read, tokens/s", format="%g", help=nothing)
            state.number_input(
                "plan_cost", "A pass for 32 takes so many times one for 1", format="%g",
                help=f"1 where it is as fast, 32 where texts take turns. {nothing}",
            )  # fmt: skip


def _measuring(found: Planned, known: Speed | None, *, fits: bool) -> None:
    """A button that measures, how far it is, and one that keeps what was found in the link."""
    if measurable(found) is None or not fits or state.get("plan_speed"):
        return
    held = class_job(found, start=False)
    if held is None:
        st.button(
            "Measure on this server", icon=":material/speed:", on_click=_start, args=(found,),
            key="plan_measure", type="secondary" if known else "primary",
            help="Loads the model, writes for one person and then for 32 at once: some seconds to a minute. Other "
            "people who use it meanwhile make it slower.",
        )  # fmt: skip
        return
    _watch(held)
    if known is not None and known.source == "measured":
        st.button(
            "Keep this speed in the link", icon=":material/link:", on_click=state.keep, kwargs=as_found(known),
            key="plan_keep_speed", help="Another server that opens the link takes these numbers, not its own.",
        )  # fmt: skip


def _start(found: Planned) -> None:
    class_job(found, start=True)


def _watch(held: Job[lm.ClassSpeed]) -> None:
    def progress(newest: lm.ClassSpeed | None) -> tuple[float, str]:
        if newest is None:
            return 0.0, "Loading …"
        return newest.done, "Writing for many at once …" if newest.done >= 0.6 else "Writing for one person …"

    watch(held, progress, lambda newest: newest is not None and newest.done >= 1)
    with show_errors():
        held.result()
