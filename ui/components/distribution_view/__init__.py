"""What the next token is drawn from: bars on one fixed axis, and the strip of probabilities that a die lands on.

Python sends numbers and labels; ``distribution.js`` draws SVG from them with ``textContent`` alone, and saves SVG or
PNG. All lengths are shares of one axis, whose end is a choice of the person and never of the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lmloupe as lm
from ui.base.words import probability
from ui.components import kit

__all__ = [
    "RULES",
    "Bar",
    "Rolled",
    "Strip",
    "distribution_bars",
    "distribution_view",
    "rolled_by",
    "setting_words",
    "token_picked_in",
]

_HERE = Path(__file__).parent
_render = kit.component(
    "lmloupe_distribution",
    _HERE / "distribution.js",
    kit.DRAWING,
    _HERE / "distribution.css",
)

RULES = {
    "repetition_penalty": "repetition penalty",
    "no_repeat_ngram_size": "no-repeat n-gram",
    "presence_penalty": "presence penalty",
    "frequency_penalty": "frequency penalty",
    "dry": "DRY",
    "top_n_sigma": "top-nσ",
    "temperature": "temperature",
    "top_h": "top-h",
    "top_k": "top-k",
    "top_p": "top-p",
    "min_p": "min-p",
    "typical_p": "typical",
    "epsilon_cutoff": "epsilon",
    "eta_cutoff": "eta",
    "xtc": "XTC",
    "mirostat": "mirostat",
}
"""The rules by name, in transformers' order, and what people call them."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One token as it is drawn.

    Attributes:
        id: of the token.
        label: its name on the screen.
        own: its probability in the model's own distribution.
        drawn: the probability that it is drawn with; 0 where a rule removed it.
        before: where a rule removed it, the probability that it had then; else 0.
        removed_by: that rule with its value, ``"top-k 5"``; else empty.
        count: how often it was rolled.
        can_be_added: whether it is a text that can be written by itself.
    """

    id: int
    label: str
    own: float
    drawn: float
    before: float = 0.0
    removed_by: str = ""
    count: int = 0
    can_be_added: bool = True


@dataclass(frozen=True, slots=True)
class Strip:
    """The probabilities end to end: ids, labels and shares from the left; what they leave of 1 is all other tokens."""

    ids: tuple[int, ...]
    labels: tuple[str, ...]
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Rolled:
    """Draws so far: how many, of which seed, where the last of them landed, and the label of the very last token."""

    n: int
    seed: int
    places: tuple[float, ...] = ()
    last: str = ""


def distribution_bars(
    stages: Sequence[lm.Stage],
    sampling: lm.Sampling,
    ids: Sequence[int],
    labels: Sequence[str],
    counts: NDArray[np.integer] | None = None,
    can_be_added: Sequence[bool] | None = None,
) -> tuple[Bar, ...]:
    """The bars of some tokens, from `lmloupe.sampling_stages`.

    Args:
        stages: all of them, from the model's own distribution to the one that is drawn from.
        sampling: the settings that made them.
        ids: the tokens, first on top.
        labels: their names.
        counts: how often each token of the vocabulary was rolled, (vocab,).
        can_be_added: for each of the tokens; left out, all of them can.
    """
    own, last = stages[0].probs, stages[-1].probs
    bars = []
    for place, (token_id, label) in enumerate(zip(ids, labels, strict=True)):
        before, rule = _removal(stages, sampling, token_id)
        count = 0 if counts is None else int(counts[token_id])
        addable = can_be_added is None or can_be_added[place]
        bars.append(
            Bar(int(token_id), label, float(own[token_id]), float(last[token_id]), before, rule, count, addable)
        )
    return tuple(bars)


def _removal(stages: Sequence[lm.Stage], sampling: lm.Sampling, token_id: int) -> tuple[float, str]:
    """The probability that a token had when a rule removed it, and that rule; 0 and nothing where none did."""
    if stages[-1].kept[token_id] or not stages[0].kept[token_id]:  # the model itself may give a token no chance at all
        return 0.0, ""
    number = next(n for n, stage in enumerate(stages) if not stage.kept[token_id])
    name = stages[number].name
    return float(stages[number - 1].probs[token_id]), f"{RULES[name]} {setting_words(name, sampling)}"


def setting_words(rule: str, sampling: lm.Sampling) -> str:
    """What a rule that is on is set to, short enough to stand at a bar."""
    if rule == "dry":
        return f"{sampling.dry_multiplier:g} × {sampling.dry_base:g}^(n − {sampling.dry_allowed_length:g})"
    if rule == "xtc":
        return f"{100 * sampling.xtc_threshold:g}%"
    if rule == "mirostat":
        return f"{2 * sampling.mirostat_tau:g} bits"
    if rule == "no_repeat_ngram_size":
        return f"of {sampling.no_repeat_ngram_size}"
    return f"{getattr(sampling, rule):g}"


def _written(bar: Bar) -> dict[str, Any]:
    return asdict(bar) | {"ownText": probability(bar.own), "drawnText": probability(bar.drawn)}


def distribution_view(
    bars: Sequence[Bar],
    strip: Strip,
    rolled: Rolled,
    *,
    axis_end: float,
    unchanged: bool,
    colour: str,
    key: str,
    of: str,
    on_pick: Callable[[], None] = kit.nothing,
    on_roll: Callable[[], None] = kit.nothing,
) -> None:
    """Draw the bars, first on top, and the strip below them.

    Args:
        bars: the tokens.
        strip: what the die lands on.
        rolled: the draws so far.
        axis_end: probability at the right end of the bars' axis: 1, or less where the person has zoomed in.
        unchanged: the settings change nothing: the model's own distribution is drawn from.
        colour: of the bars, the loaded model's.
        key: the widget's key.
        of: names what is drawn, so that a click on an older picture can be told apart.
        on_pick: called when a token was chosen; `token_picked_in` says which.
        on_roll: called when the die was thrown; `rolled_by` says how often.
    """
    data = {
        "bars": [_written(bar) for bar in bars],
        "strip": asdict(strip),
        "rolled": asdict(rolled),
        "axisEnd": axis_end,
        "unchanged": unchanged,
        "colour": colour,
        "of": of,
    }
    _render(key=key, data=data, on_picked_change=on_pick, on_rolled_change=on_roll)


def token_picked_in(sent: object, of: str) -> int | None:
    """The id that a browser's click chose in the picture named ``of``; None if in none or in an older one.

    Args:
        sent: what the session holds under the view's key.
        of: the name that the picture was drawn with.
    """
    return _whole(sent, "picked", "id", of)


def rolled_by(sent: object, of: str) -> int | None:
    """How often the die is to be thrown, 0 to start over; otherwise as `token_picked_in`."""
    return _whole(sent, "rolled", "n", of)


def _whole(sent: object, trigger: str, name: str, of: str) -> int | None:
    given = sent.get(trigger) if isinstance(sent, dict) else None
    return kit.whole(given, name) if isinstance(given, dict) and given.get("of") == of else None
