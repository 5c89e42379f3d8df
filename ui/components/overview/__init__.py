"""The whole way of one token on one picture: token, id, vector, layers, next token. Each part is a door to its page.

Nothing of a person's text becomes HTML: the script sets ``textContent`` alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ui.components import kit

__all__ = ["Column", "Door", "Step", "overview"]

_HERE = Path(__file__).parent
_view = kit.component("lmloupe_overview", _HERE / "overview.js", kit.DRAWING, _HERE / "overview.css")


@dataclass(frozen=True, slots=True)
class Step:
    """What one layer says after a token: its first guess, with what probability, and whether the last layer agrees."""

    text: str
    share: float
    agrees: bool


@dataclass(frozen=True, slots=True)
class Column:
    """One token: its label, its id, the first numbers of its vector, and what each layer says, the embedding first."""

    label: str
    token_id: int
    special: bool
    numbers: tuple[float, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Door:
    """A page that a part of the picture leads to: its name, what one finds there, and the address with parameters."""

    label: str
    says: str
    href: str


def overview(
    columns: Sequence[Column],
    *,
    first: int,
    n_tokens: int,
    width: int,
    largest: float,
    chosen: int,
    guesses: Sequence[tuple[str, float]],
    doors: Mapping[str, Door],
    name: str,
    key: str,
) -> int | str | None:
    """Draw the picture.

    Args:
        columns: the tokens.
        first: position of the first of them in the text.
        n_tokens: of the text.
        width: how many numbers a vector has.
        largest: the largest absolute value of all the numbers, for their colours.
        chosen: the column whose way is lit.
        guesses: the most probable next tokens after the chosen one, with their probabilities, best first.
        doors: by part of the picture: tokens, ids, vectors, layers, attention, next.
        name: what the picture shows, in words.
        key: the widget's key.

    Returns:
        For a click in this run, the position of a token in the text, or the part whose door was taken; else None.
    """
    data = {
        "columns": [
            {
                "label": column.label,
                "id": column.token_id,
                "special": column.special,
                "numbers": list(column.numbers),
                "steps": [[step.text, round(step.share, 4), step.agrees] for step in column.steps],
            }
            for column in columns
        ],
        "first": first,
        "nTokens": n_tokens,
        "width": width,
        "largest": largest,
        "chosen": chosen,
        "guesses": [[text, share] for text, share in guesses],
        "doors": {part: [door.label, door.says, door.href] for part, door in doors.items()},
        "name": name,
    }
    sent = _view(key=key, data=data, on_picked_change=kit.nothing).get("picked")
    part, position = sent.get("door") if isinstance(sent, dict) else None, kit.whole(sent, "position")
    if isinstance(part, str) and part in doors:
        return part
    return position if position is not None and 0 <= position < n_tokens else None
