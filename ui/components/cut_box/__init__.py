"""A text in large letters that a person cuts by clicking between them, or with the arrow keys and space.

``cut_box.js`` draws HTML with ``textContent`` alone and sends the places when the person commits to them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

from ui.base.chips import visible
from ui.components import kit

__all__ = ["cut_box", "cuts_in"]

_HERE = Path(__file__).parent
_render = kit.component("lmloupe_cut_box", _HERE / "cut_box.js", kit.DRAWING, _HERE / "cut_box.css")


def cut_box(
    text: str,
    *,
    cuts: Sequence[int] | None,
    closed: bool,
    commit: str,
    key: str,
    on_commit: Callable[[], None] = kit.nothing,
) -> None:
    """Draw the text and a button that commits to the cuts.

    Args:
        text: what is to be cut.
        cuts: what was committed: the number of characters before each; None where nothing was.
        closed: whether the cuts stay as they are.
        commit: what the button says after the number of pieces.
        key: the widget's key.
        on_commit: called when the person has pressed the button; `cuts_in` has the places.
    """
    data = {
        "letters": [_letter(char) for char in text],
        "cuts": None if cuts is None else list(cuts),
        "closed": closed,
        "commit": commit,
    }
    _render(key=key, data=data, on_cuts_change=on_commit)


def cuts_in(key: str) -> str:
    """The places that a browser sent, as a guess is kept: "2,5"; "-" where it sent none that are whole numbers."""
    sent = kit.sent(key, "cuts")
    if not isinstance(sent, list) or not all(isinstance(place, int) and not isinstance(place, bool) for place in sent):
        return "-"
    return ",".join(map(str, sent))


def _letter(char: str) -> str:
    """A character as one can see it alone: a mark on a dotted circle, white space and controls as signs."""
    return f"\u25cc{char}" if unicodedata.category(char).startswith("M") else visible(char)
