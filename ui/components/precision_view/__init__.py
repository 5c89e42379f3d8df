"""Two charts that compare precisions: bars of the same tokens beside each other, and divergence along a text.

Python sends numbers and labels; the scripts beside this file draw SVG from them with ``textContent`` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ui.base.words import probability
from ui.components import kit

__all__ = ["Column", "Line", "divergence_line", "picked", "precision_bars"]

_HERE = Path(__file__).parent
_STYLES = (kit.DRAWING, _HERE / "precision_view.css")
_bars = kit.component("lmloupe_precision_bars", _HERE / "bars.js", *_STYLES)
_line = kit.component("lmloupe_divergence", _HERE / "line.js", *_STYLES)


@dataclass(frozen=True, slots=True)
class Column:
    """One precision's bars.

    Attributes:
        name: short, of the precision.
        colour: of the bars, any CSS colour.
        outlined: a variant of another precision, which has the same colour.
        shares: its probability of each token, 0 to 1; empty while it is not measured.
        top: which of the tokens it puts first; -1 for none of them.
        note: what stands there instead of bars.
    """

    name: str
    colour: str
    outlined: bool
    shares: tuple[float, ...] = ()
    top: int = -1
    note: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One precision's divergence from the baseline, in bits after each token.

    Attributes:
        name, colour: as in `Column`.
        spec: its short form, by which it is chosen.
        dashed: a variant of another precision, which has the same colour.
        values: bits, one a token; may be infinite.
        flips: places at which its most probable token is another than the baseline's.
    """

    name: str
    spec: str
    colour: str
    dashed: bool
    values: tuple[float, ...]
    flips: tuple[int, ...]


def precision_bars(tokens: Sequence[str], columns: Sequence[Column], *, name: str, key: str) -> None:
    """Draw probabilities of the same tokens in several precisions, on one axis from 0 to 100%.

    Args:
        tokens: their labels, first on top.
        columns: the precisions, first at the left.
        name: what the chart shows, for who does not see it.
        key: the widget's key.
    """
    drawn = [asdict(one) | {"texts": [probability(share) for share in one.shares]} for one in columns]
    _bars(key=key, data={"tokens": list(tokens), "columns": drawn, "name": name})


def divergence_line(
    tokens: Sequence[str],
    lines: Sequence[Line],
    *,
    first: int,
    chosen: int,
    shown: str,
    log: bool,
    key: str,
    of: str,
    on_pick: Callable[[], None] = kit.nothing,
) -> None:
    """Draw lines over the tokens of a text.

    Args:
        tokens: labels of the tokens that are drawn.
        lines: the precisions.
        first: place of the first of the tokens in the text.
        chosen: place of the chosen token in the text.
        shown: spec of the precision that is looked at.
        log: powers of ten in place of an axis from 0.
        key: the widget's key.
        of: names what is drawn, so that a press on an older picture can be told apart.
        on_pick: called before the run that a press asks for; `picked` reads what was pressed.
    """
    # JSON has no infinity; a divergence is never negative.
    drawn = [asdict(one) | {"values": [v if np.isfinite(v) else -1 for v in one.values]} for one in lines]
    at = chosen - first if first <= chosen < first + len(tokens) else -1
    data: dict[str, Any] = {
        "tokens": list(tokens), "lines": drawn, "first": first, "chosen": at, "shown": shown, "log": log, "of": of
    }  # fmt: skip
    _line(key=key, data=data, on_picked_change=on_pick)


def picked(key: str, of: str) -> tuple[int | None, str]:
    """In ``on_pick``: the place that was pressed in the picture named ``of``, and the spec of a precision or "".

    It comes from a browser: check that there are such a place and such a precision.
    """
    sent = kit.sent(key, "picked")
    if not isinstance(sent, dict) or sent.get("of") != of:
        return None, ""
    spec = sent.get("spec")
    return kit.whole(sent, "place"), spec if isinstance(spec, str) else ""
