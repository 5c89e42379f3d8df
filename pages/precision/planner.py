"""Planner: what a model takes in each precision, beside a card's memory, before anything of it is loaded."""

from __future__ import annotations

import streamlit as st

from ui.bar.bar import page_bar
from ui.base.downloads import take_away
from ui.base.errors import escape_markdown, show_errors
from ui.base.glossary.tables import data_table
from ui.base.words import counted
from ui.components.memory_plan import equations, fits_matrix, memory_plan, shares
from ui.page import finding, metrics_row, reproduce, words_here
from ui.planner import numbers, verdicts
from ui.planner.choice import MOST_PEOPLE, choose, config_box, take
from ui.planner.classroom.view import draw_class
from ui.planner.code import planner_code
from ui.planner.plans import axis_end, planned, positions, rows
from ui.planner.ways_on import draw_ways_on
from ui.state import store as state
from ui.state.names import PASTED

BARS, CARDS = "plan_bars", "plan_cards"

bar = page_bar("planner")
asked = choose(bar)
result = st.container()
if asked.model == PASTED:
    config_box()
if asked.model == PASTED and not asked.config.strip():
    result.info("Paste the config.json of a model into the box below: what it takes is drawn here.")
    st.stop()

with result, show_errors():
    with st.spinner(f"Counting {escape_markdown(asked.name)} …"):
        found = planned(asked)
        fits = verdicts.all_fits(found)
    plan, card = found.plan, found.card
    fit = fits[card.key, found.spec]

    finding(verdicts.plan_finding(found, fits))
    memory_plan(
        rows(found), positions(found), context=plan.context, sequences=plan.sequences,
        most=MOST_PEOPLE, card=card.name, memory=card.memory_bytes, reserve=card.reserve_bytes,
        end=axis_end(found, state.get("plan_axis")), of=f"{asked.model}|{hash(asked.config)}|{card.key}", key=BARS,
        on_choose=lambda: take(BARS),
    )  # fmt: skip
    for sentence in (*fit.cannot, *plan.notes):
        st.caption(f":material/info: {escape_markdown(sentence)}")
    metrics_row(numbers.room_metrics(plan, fit))
    draw_ways_on(found, fits)

    finding(verdicts.card_finding(found, fits))
    fits_matrix(
        verdicts.columns(found), verdicts.card_lines(found, fits), verdicts.MEANINGS,
        label="Whether it fits each card in each precision, and the most tokens of context", key=CARDS,
        on_choose=lambda: take(CARDS),
    )  # fmt: skip
    st.caption(verdicts.UNITS)

    crowd = draw_class(found)

    finding(numbers.cache_finding(plan))
    equations(numbers.worked(plan.equations), key="plan_equations")

    finding(numbers.parameter_finding(plan.model.makeup))
    parts = numbers.parameter_parts(plan.model.makeup)
    shares(parts, label=f"{counted(plan.n_parameters, 'parameter')} by part", key="plan_parts")
    st.caption(numbers.source_sentence(plan))

    with st.expander("The same as tables"):
        data_table(numbers.bars_table(found), hide_index=True, width="stretch", column_config=numbers.BYTES)
        data_table(numbers.cards_table(found, fits), hide_index=True, width="stretch", column_config=numbers.BYTES)
        if crowd.table is not None:
            data_table(crowd.table, hide_index=True, width="stretch", column_config=numbers.CLASS)
    take_away("planner", numbers.cards_table(found, fits), {})
    words_here("parameter", "precision", "kv_cache", "context_length", "batch")
    reproduce(planner_code(found) + crowd.code)
