"""Plans of one question: every precision that is drawn, every card, every position of the sliders. Kept for all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import streamlit as st

import lmloupe as lm
from ui.base.errors import Offer
from ui.components.memory_plan import PlanRow, Positions
from ui.planner.choice import DEFAULT_MODEL, Asked
from ui.state import store as state
from ui.state.names import PASTED

__all__ = ["Planned", "axis_end", "cards", "planned", "plans_on", "positions", "precision_name", "rows"]

_LEAST_CONTEXT = 256
_UNKNOWN_LIMIT = 131_072
_PEOPLE = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
_BEHIND = 1.5
"""The axis is so many times as long as the card's memory, or as the chosen bar."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What the library answers to one question.

    Attributes:
        asked: the question.
        spec: the chosen precision; of weights that are published quantized, the dtype of everything else.
        card: the chosen card.
        plans: of all precisions that are drawn on that card, by short form; largest weights first.
    """

    asked: Asked
    spec: str
    card: lm.Card
    plans: dict[str, lm.MemoryPlan]

    @property
    def plan(self) -> lm.MemoryPlan:
        """Of the chosen precision on the chosen card."""
        return self.plans[self.spec]

    @property
    def name(self) -> str:
        """The model's name for people."""
        return self.plan.model.name if self.asked.model == PASTED else self.asked.name

    @property
    def limit(self) -> int:
        """The most tokens that the model reads; 0 where its config names no limit."""
        return self.plan.model.makeup.context_length


@st.cache_data(ttl=5, show_spinner=False)
def cards() -> tuple[lm.Card, ...]:
    """The cards, with this machine as it is now."""
    return lm.known_cards()


def planned(asked: Asked) -> Planned:
    """Ask the library.

    Raises:
        lmloupe.LoupeError: what it refuses; with a way back to a model that is known.
    """
    card = next(one for one in cards() if one.key == asked.card)
    spec, shown = asked.precision, asked.shown
    try:
        model = _model(*_source(asked))
        if model.stored is not None:  # as it is published, and no other way
            shown = tuple(one for one in shown if not lm.Precision.parse(one).is_quantized)
            spec = spec if spec in shown else model.makeup.dtype
            shown = shown if spec in shown else (*shown, spec)
        plans = plans_on(model, asked, shown, card.kind)
    except lm.LoupeError as error:
        if asked.model != DEFAULT_MODEL:
            offer = Offer("Show Llama 3.1 8B", state.put, ("plan_model", DEFAULT_MODEL))
            error.offer = offer  # type: ignore[attr-defined]
        raise
    ordered = sorted(plans.items(), key=lambda item: (item[1].precision.is_simulated, -item[1].weights_bytes))
    return Planned(asked, spec, card, dict(ordered))


def plans_on(model: lm.PlannedModel, asked: Asked, shown: Iterable[str], kind: str) -> dict[str, lm.MemoryPlan]:
    """The plans of a question in some precisions on a kind of device."""
    return {spec: lm.memory_plan(model, spec, asked.context, asked.people, device_kind=kind) for spec in shown}


def _source(asked: Asked) -> tuple[str, bool]:
    """What is read, and whether it is a config's text."""
    return (asked.config, True) if asked.model == PASTED else (asked.model, False)


@st.cache_resource(max_entries=32, show_spinner=False)
def _model(source: str, pasted: bool) -> lm.PlannedModel:
    """What any number of plans is made for: the hub is asked once, a model without numbers built once."""
    if pasted and not source.lstrip().startswith("{"):  # else it would be read as a name
        raise lm.InvalidSettingError("What was pasted is no config.json: that file begins with a brace, {.")
    return lm.memory_plan(source).model


def precision_name(plan: lm.MemoryPlan) -> str:
    """The plan's precision for people; of weights that are published quantized, what they are stored as."""
    if plan.model.stored is None:
        return plan.precision.label
    return f"{plan.stored_as}, the rest in {plan.dtype}"


def rows(found: Planned) -> list[PlanRow]:
    """The bars."""
    return [
        PlanRow(
            spec=spec,
            label=precision_name(plan).removesuffix(" (simulated)"),
            note="simulated" if plan.precision.is_simulated else "",
            quantized=plan.quantized_bytes,
            constants=plan.constants_bytes,
            kept=plan.unquantized_bytes,
            table=i,
            chosen=spec == found.spec,
        )
        for i, (spec, plan) in enumerate(found.plans.items())
    ]


def positions(found: Planned) -> Positions:
    """Where the sliders can stand, powers of two and what is chosen, and the bytes there of every bar."""
    limit = found.limit or max(_UNKNOWN_LIMIT, found.asked.context)
    powers = (1 << power for power in range(_LEAST_CONTEXT.bit_length() - 1, limit.bit_length()))
    contexts = sorted({found.plan.context, limit, *powers})
    people = sorted({*_PEOPLE, found.asked.people})
    grids = [lm.plan_grid(plan, contexts, people) for plan in found.plans.values()]
    return Positions(
        contexts,
        people,
        [grid.cache_bytes.tolist() for grid in grids],
        [grid.activation_bytes.tolist() for grid in grids],
    )


def axis_end(found: Planned, by: str) -> int:
    """Where the axis of the bars ends, in bytes: a little behind the card's memory, or behind the chosen bar."""
    chosen = found.plan.total_bytes + found.card.reserve_bytes
    return round(_BEHIND * (chosen if by == "bars" else found.card.memory_bytes))
