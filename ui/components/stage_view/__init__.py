"""The sampling pipeline in the browser: one panel a stage, the same tokens in each, what was struck out still there.

Python sends numbers and labels; ``stages.js`` draws SVG from them with ``textContent`` alone, and saves SVG or PNG.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import lmloupe as lm
from ui.components import kit

__all__ = ["EARLIER", "HERE", "KEPT", "Panel", "stage_panels", "stage_view"]

_HERE = Path(__file__).parent
_render = kit.component("lmloupe_stages", _HERE / "stages.js", kit.DRAWING, _HERE / "stages.css")

KEPT, HERE, EARLIER = 0, 1, 2
"""What became of a token: still in, struck out by this stage, struck out by an earlier one."""

TITLES = {
    "logits": "Logits",
    "repetition_penalty": "Repetition penalty",
    "temperature": "Temperature",
    "top_k": "Top-k",
    "top_p": "Top-p",
    "min_p": "Min-p",
}


@dataclass(frozen=True, slots=True)
class Panel:
    """One stage as it is drawn.

    Attributes:
        title: its name.
        setting: the value that it works with, ``"0.7"`` or ``"off"``.
        is_logit: the values are scores; otherwise probabilities.
        values: what the stage looked at, one number for each token that is shown; of a token that an earlier stage
            struck out, the probability that it had then.
        fates: `KEPT`, `HERE` or `EARLIER` for each of them.
        removed_mass: probability that the stage took away.
        entropy_before_bits, entropy_after_bits: of the distribution on both sides of the stage.
        n_kept: tokens of the whole vocabulary that are left after it.
    """

    title: str
    setting: str
    is_logit: bool
    values: tuple[float, ...]
    fates: tuple[int, ...]
    removed_mass: float
    entropy_before_bits: float
    entropy_after_bits: float
    n_kept: int


def stage_panels(
    logits: np.ndarray, stages: Sequence[lm.Stage], sampling: lm.Sampling, ids: Sequence[int]
) -> tuple[Panel, ...]:
    """The panels of `lmloupe.sampling_stages`, and a last one for what is drawn from.

    A stage that strikes out is drawn with the probabilities that its rule looked at; one that changes the scores with
    those that it made of them.
    """
    chosen = np.asarray(ids, np.intp)
    ghosts = np.zeros(len(chosen))
    panels = []
    for number, stage in enumerate(stages):
        before = stages[max(0, number - 1)]
        left, was = stage.kept[chosen], before.kept[chosen]
        strikes = stage.removed_mass > 0 or not np.array_equal(stage.kept, before.kept)
        values = (before if strikes else stage).probs[chosen]
        ghosts = np.where(was & ~left, values, ghosts)
        panels.append(
            Panel(
                TITLES[stage.name],
                _setting(stage.name, sampling),
                stage.name == "logits",
                _floats(logits[chosen] if stage.name == "logits" else np.where(was, values, ghosts)),
                tuple(np.where(left, KEPT, np.where(was, HERE, EARLIER)).tolist()),
                stage.removed_mass,
                before.entropy_bits,
                stage.entropy_bits,
                int(stage.kept.sum()),
            )
        )
    last, left = stages[-1], stages[-1].kept[chosen]
    return (
        *panels,
        Panel(
            "Renormalised", "drawn from", False, _floats(np.where(left, last.probs[chosen], ghosts)),
            tuple(np.where(left, KEPT, EARLIER).tolist()), 0.0, last.entropy_bits, last.entropy_bits,
            int(last.kept.sum()),
        ),
    )  # fmt: skip


def _floats(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _setting(name: str, sampling: lm.Sampling) -> str:
    if name == "logits":
        return "the model's scores"
    value = getattr(sampling, name)
    return "off" if value == getattr(lm.Sampling(), name) else f"{value:g}"


def stage_view(panels: Sequence[Panel], labels: Sequence[str], *, key: str) -> None:
    """Draw the panels side by side, in as many lines as the page needs; ``labels`` name the tokens, first on top."""
    data: dict[str, Any] = {
        "labels": list(labels),
        "panels": [
            {
                "title": panel.title,
                "setting": panel.setting,
                "logit": panel.is_logit,
                "values": [value if np.isfinite(value) else None for value in panel.values],
                "fates": list(panel.fates),
                "removed": panel.removed_mass,
                "before": panel.entropy_before_bits,
                "after": panel.entropy_after_bits,
                "kept": panel.n_kept,
            }
            for panel in panels
        ],
    }
    _render(key=key, data=data)
