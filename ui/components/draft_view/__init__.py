"""Speculative decoding: the text as boxes of drafted and own tokens, rejected ones struck out, and pass by pass.

Python sends strings; ``draft_view.js`` makes boxes of them, with ``textContent`` alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ui.components import kit

__all__ = ["DraftedToken", "Pass", "draft_view"]

_HERE = Path(__file__).parent
_render = kit.component("lmloupe_draft_view", _HERE / "draft_view.js", kit.DRAWING, _HERE / "draft_view.css")


@dataclass(frozen=True, slots=True)
class DraftedToken:
    """One drafted token.

    Attributes:
        label: its text, white space as signs.
        target: the probability that the model gave it, in words; empty where it was never judged.
        draft: that of the draft; empty where the draft proposed nothing else.
    """

    label: str
    target: str
    draft: str


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass of the model.

    Attributes:
        drafted: the tokens that it verified.
        n_accepted: how many of them, from the first, became part of the text.
        tokens: what it wrote: the accepted ones, and its own, each with whether a line of the text ends with it.
        source: where the draft comes from, a sentence.
        times: how long it took, a few words.
    """

    drafted: Sequence[DraftedToken]
    n_accepted: int
    tokens: Sequence[tuple[str, bool]]
    source: str
    times: str


def draft_view(passes: Sequence[Pass], *, name: str, key: str) -> None:
    """Draw the passes: one box a token of the text, and one row a pass.

    Args:
        passes: from the first.
        name: what the text is called.
        key: the widget's key.
    """
    data = {
        "passes": [
            {
                "drafted": [(token.label, token.target, token.draft) for token in one.drafted],
                "accepted": one.n_accepted,
                "tokens": list(one.tokens),
                "source": one.source,
                "times": one.times,
            }
            for one in passes
        ],
        "name": name,
    }
    _render(key=key, data=data)
