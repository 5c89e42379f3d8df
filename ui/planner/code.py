"""The lines of Python that print the planner's numbers."""

from __future__ import annotations

from ui.planner.plans import Planned
from ui.state.names import PASTED

__all__ = ["planner_code"]

MAX_QUOTED = 4000
CODE = """
import lmloupe as lm

model = {model}
plan = lm.memory_plan(model, {precision!r}, context={context}, sequences={people}, device_kind={kind!r})
for equation in plan.equations:
    print(equation.what, "=", equation.filled, "=", equation.value, equation.unit)
fit = plan.on({card!r})
print(fit.verdict, fit.left_bytes, fit.largest_context, fit.most_sequences)

for card in lm.known_cards():
    for precision in {shown!r}:
        plan = lm.memory_plan(model, precision, context={context}, sequences={people}, device_kind=card.kind)
        print(card.name, precision, plan.total_bytes, plan.fits(card), plan.largest_context(card))
"""


def planner_code(found: Planned) -> str:
    """A config that was pasted is part of it; a long one is read from the file that it was pasted from."""
    asked = found.asked
    model = repr(asked.model)
    if asked.model == PASTED:
        model = (
            repr(asked.config) if len(asked.config) <= MAX_QUOTED else 'open("config.json", encoding="utf-8").read()'
        )
    return CODE.format(
        model=model,
        precision=found.spec,
        context=asked.context,
        people=asked.people,
        kind=found.card.kind,
        card=asked.card,
        shown=tuple(found.plans),
    )
