"""A distribution on its way through the rules: one strip of probabilities for each, what the next removes hatched.

Python sends shares and labels; ``stage_flow.js`` draws SVG with ``textContent`` alone, and saves SVG or PNG.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import lmloupe as lm
from ui.base.words import counted, probability
from ui.components import kit
from ui.components.distribution_view import RULES, setting_words

__all__ = ["Strip", "flow_of", "stage_flow"]

_HERE = Path(__file__).parent
_render = kit.component("lmloupe_stage_flow", _HERE / "stage_flow.js", kit.DRAWING, _HERE / "stage_flow.css")


@dataclass(frozen=True, slots=True)
class Strip:
    """The distribution after one rule.

    Attributes:
        rule: its name and setting; empty for the model's own.
        does: what it removed, or what it did to the entropy.
        removes: whether it removed a token.
        shares: probability of each named token.
        struck: for each of them, whether the next rule removes it.
        others: probability of all other tokens that the next rule keeps.
        others_struck: and of those that it removes.
    """

    rule: str
    does: str
    removes: bool
    shares: tuple[float, ...]
    struck: tuple[bool, ...]
    others: float
    others_struck: float


def flow_of(stages: Sequence[lm.Stage], sampling: lm.Sampling, ids: NDArray[np.integer]) -> tuple[Strip, ...]:
    """The strips of the rules that are on.

    Args:
        stages: of `lmloupe.sampling_stages`.
        sampling: the settings that made them.
        ids: the named tokens, from the left.
    """
    on = [stages[0], *(stage for stage in stages[1:] if sampling.applies(stage.name))]
    strips = []
    for i, stage in enumerate(on):
        gone = stage.kept & ~on[i + 1].kept if i + 1 < len(on) else np.zeros_like(stage.kept)
        named = np.zeros_like(gone)
        named[ids] = True
        strips.append(
            Strip(
                rule=f"{RULES[stage.name]} {setting_words(stage.name, sampling)}" if i else "",
                does=_does(on[i - 1], stage) if i else "",
                removes=bool(i and stage.kept.sum() < on[i - 1].kept.sum()),
                shares=tuple(stage.probs[ids].tolist()),
                struck=tuple(gone[ids].tolist()),
                others=float(stage.probs[~named & ~gone].sum()),
                others_struck=float(stage.probs[~named & gone].sum()),
            )
        )
    return tuple(strips)


def _does(before: lm.Stage, after: lm.Stage) -> str:
    removed = int(before.kept.sum()) - int(after.kept.sum())
    if removed:
        return f"removes {counted(removed, 'token')}, {probability(after.removed_mass)}"
    if np.array_equal(before.probs, after.probs):
        return "changes nothing here"
    return f"entropy {before.entropy_bits:.2f} → {after.entropy_bits:.2f} bits"


def stage_flow(strips: Sequence[Strip], labels: Sequence[str], *, colour: str, key: str) -> None:
    """Draw the strips from the first to the last, ribbons between them.

    Args:
        strips: of `flow_of`.
        labels: the named tokens' names.
        colour: the loaded model's.
        key: the widget's key.
    """
    written = [asdict(strip) | {"texts": [probability(share) for share in strip.shares]} for strip in strips]
    _render(key=key, data={"strips": written, "labels": list(labels), "colour": colour})
