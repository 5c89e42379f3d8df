"""How fast the planned model is: as typed, as measured on this server, or at most as its card's memory allows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import lmloupe as lm
from ui.base.jobs import Job, job
from ui.base.loaders import engine
from ui.planner.plans import Planned
from ui.planner.ways_on import LOADED, loadable
from ui.precision.speed.view import measurement
from ui.state import store as state

__all__ = ["Speed", "as_found", "class_job", "measurable", "most_together", "speed"]

ASSUMED_COST = 3.0
"""Of a pass for 32, where it was not measured: what the embedded model took on one core."""
MOST_SERVED = {"cuda": 64}
"""How many texts of a model are written at once, by the kind of the device; 32 elsewhere."""

Source = Literal["typed", "measured", "speed page", "bound"]


@dataclass(frozen=True, slots=True)
class Speed:
    """What a class is computed from.

    Attributes:
        written: tokens a second for one person alone.
        read: tokens of a prompt a second; None for the library's assumption, eight times ``written``.
        cost: how much longer a pass over 32 texts takes than one over a single text.
        source: where ``written`` is from.
        cost_assumed: whether nobody has measured, typed or derived ``cost``.
    """

    written: float
    read: float | None
    cost: float
    source: Source
    cost_assumed: bool


def measurable(found: Planned) -> tuple[str, str] | None:
    """The model and the quantization that this server would load to measure it; None for what it cannot."""
    name = loadable(found)
    if not found.card.key.startswith("here") or name is None or found.spec not in LOADED:
        return None
    return name, LOADED[found.spec]


def class_job(found: Planned, *, start: bool) -> Job[lm.ClassSpeed] | None:
    """The measurement of this model on this server; started where it is asked to and there is none yet."""
    asked = measurable(found)
    if asked is None:
        return None
    model, quantization = asked

    def work() -> Iterator[lm.ClassSpeed]:
        yield from lm.class_speed_steps(engine(model, quantization))  # type: ignore[arg-type]

    return job(("class speed", model, quantization), work if start else None)


def speed(found: Planned) -> Speed | None:
    """What is known of the speed; None where nothing is."""
    typed, read, cost = (state.get(name) for name in ("plan_speed", "plan_read_speed", "plan_cost"))
    known = _measured(found) or _from_speed_page(found) or _bound(found)
    if typed:
        own = known if known is not None and known.source == "bound" else None
        known = Speed(typed, None, own.cost if own else ASSUMED_COST, "typed", cost_assumed=own is None)
    if known is None:
        return None
    return Speed(known.written, read or known.read, cost or known.cost, known.source, known.cost_assumed and not cost)


def as_found(known: Speed) -> dict[str, float]:
    """The settings that keep this speed in the link, whatever another server finds."""
    read = {} if known.read is None else {"plan_read_speed": float(f"{known.read:.3g}")}
    return {"plan_speed": float(f"{known.written:.3g}"), "plan_cost": float(f"{known.cost:.3g}")} | read


def _measured(found: Planned) -> Speed | None:
    held = class_job(found, start=False)
    newest = None if held is None else held.latest
    if newest is None or newest.done < 1:
        return None
    return Speed(newest.tokens_per_s, newest.prompt_tokens_per_s, newest.pass_of_32, "measured", cost_assumed=False)


def _from_speed_page(found: Planned) -> Speed | None:
    """As the page Bytes and speed has measured it, with the settings that it has in this session."""
    asked = measurable(found)
    if asked is None or found.card.key != "here":
        return None
    settings = [state.get(name) for name in ("speed_prompt", "speed_tokens", "speed_rounds")]
    held = measurement((asked[0], tuple(state.get("speed_precisions")), *settings), start=False)
    report = None if held is None else held.latest
    rows = [] if report is None else [row for row in report.rows if row.precision.spec == found.spec]
    if not rows or not len(rows[0].decode_s):
        return None
    return Speed(rows[0].decode_per_s, rows[0].prefill_per_s, ASSUMED_COST, "speed page", cost_assumed=True)


def _bound(found: Planned) -> Speed | None:
    """What no program can beat: all weights come out of memory once for each token, a prompt and a pass for 32 too."""
    read = state.get("plan_read")
    plan = _plan(found, max(1, read))
    written = plan.on(found.card).most_tokens_per_second
    if written is None:
        return None
    one = plan.cache_bytes
    cost = (plan.weights_bytes + 32 * one) / (plan.weights_bytes + one)
    return Speed(written, max(1, read) * written, min(32.0, cost), "bound", cost_assumed=False)


def most_together(found: Planned) -> int:
    """How many are written to at once: as many caches of a question as fit beside the weights, and as are served."""
    served = MOST_SERVED.get(found.card.kind, 32)
    plan = _plan(found, state.get("plan_read") + state.get("plan_write"))
    return min(served, plan.on(found.card).most_sequences)


def _plan(found: Planned, context: int) -> lm.MemoryPlan:
    return lm.memory_plan(found.plan.model, found.spec, context, 1, device_kind=found.card.kind)
