"""A conversation with a model in two views: the turns as bubbles with their alternatives, and the one string, growing.

Point at a turn in one and it lights up in the other. Nothing of a person's or a model's text ever becomes HTML: the
scripts set ``textContent`` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ui.components import kit

__all__ = ["Exchanges", "Stretch", "Turn", "growing_string", "talk_view"]

_HERE = Path(__file__).parent
_COLOURS = kit.role_colours()
_talk = kit.component("lmloupe_talk", _HERE / "bubbles.js", _HERE / "talk.css", colours=_COLOURS)
_growing = kit.component("lmloupe_growing", _HERE / "string.js", _HERE / "talk.css", colours=_COLOURS)


@dataclass(frozen=True, slots=True)
class Turn:
    """One bubble.

    Attributes:
        role: whose colour it has.
        name: who speaks.
        text: what is said.
        calls: name and arguments of each tool call.
        added: tokens that the turn adds to the string; None where nobody can say.
        note: what there is to say of a reply.
        same: whether the ids of a reply come back; None for what the model did not write here.
        place: which of the alternatives is shown, from 0.
        of: how many there are.
        replies: whether another reply can be asked for in its place.
        kept: whether it is in the conversation of all pages.
        editable: whether it can be changed in its bubble.
    """

    role: str
    name: str
    text: str
    calls: tuple[tuple[str, str], ...] = ()
    added: int | None = None
    note: str = ""
    same: bool | None = None
    place: int = 0
    of: int = 1
    replies: bool = False
    kept: bool = True
    editable: bool = True


def talk_view(
    turns: Sequence[Turn], *, version: str, live: bool, key: str, on_act: Callable[[], None] = kit.nothing
) -> None:
    """Draw the bubbles.

    What is pressed is ``kit.sent(key, "act")`` for one run: ``what`` (``"switch"``, ``"again"``, ``"keep"``,
    ``"edit"``), ``turn``, ``version``, and ``step`` or ``text``.

    Args:
        turns: from the first.
        version: of the conversation; what is pressed comes with it, so that a press on another one is told.
        live: the model writes, and nothing can be pressed.
        key: the widget's key.
        on_act: called before the run that a press asks for.
    """
    data = {"version": version, "live": live, "turns": [asdict(turn) for turn in turns]}
    _talk(key=key, data=data, on_act_change=on_act)


@dataclass(frozen=True, slots=True)
class Stretch:
    """What one turn is in the string.

    Attributes:
        turn: its message, from 0; -1 for what the template writes by itself.
        role: whose colour it has.
        name: in words.
        added: how many tokens.
        first: place of its first token in the string, from 0.
        tokens: for each its text, id, zone (0 cached, 1 read anew, 2 written), whether it is special, and more words.
    """

    turn: int
    role: str
    name: str
    added: int
    first: int
    tokens: tuple[tuple[str, int, int, bool, str], ...]


@dataclass(frozen=True, slots=True)
class Exchanges:
    """Which replies there are to look at, and which one is looked at.

    Attributes:
        names: the key and the name of each.
        chosen: the key of one.
    """

    names: tuple[tuple[int, str], ...]
    chosen: int


def growing_string(
    stretches: Sequence[Stretch],
    zones: Sequence[tuple[str, int, str]],
    exchanges: Exchanges,
    *,
    key: str,
    pinned: int | None = None,
    on_token: Callable[[], None] = kit.nothing,
    on_exchange: Callable[[], None] = kit.nothing,
) -> None:
    """Draw the string, each turn in its colour, its new tokens marked.

    What is pressed is ``kit.sent(key, "token")``, a place in the string, and ``kit.sent(key, "exchange")``, a key of
    ``exchanges``.

    Args:
        stretches: in order.
        zones: name, number of tokens and a sentence for the three zones.
        exchanges: the replies.
        key: the widget's key.
        pinned: the token that is looked at.
        on_token: called before the run that a press of a written token asks for.
        on_exchange: likewise, for a reply.
    """
    names = [(place, name, place == exchanges.chosen) for place, name in exchanges.names]
    data = {
        "stretches": [asdict(stretch) for stretch in stretches],
        "zones": list(zones),
        "exchanges": names,
        "pinned": pinned,
        "version": f"{exchanges.chosen}-{sum(stretch.added for stretch in stretches)}",
    }
    _growing(key=key, data=data, on_token_change=on_token, on_exchange_change=on_exchange)
