"""The weights of one block between the levels that they can be stored as, in the browser; each tells its arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ui.components import kit

__all__ = ["BlockPicture", "Level", "Weight", "block_view", "picked_weight"]

_HERE = Path(__file__).parent
_render = kit.component("lmloupe_block", _HERE / "block_view.js", kit.DRAWING, _HERE / "block_view.css")


@dataclass(frozen=True, slots=True)
class Weight:
    """One weight.

    Attributes:
        value: before; None where it is not kept.
        back: what comes back.
        code: as it is written in its byte, ``"10"``.
        steps: from the weight to its error, as (what it is, its number).
        arithmetic: the same as one line of arithmetic.
        where: its place in words.
    """

    value: float | None
    back: float
    code: str
    steps: tuple[tuple[str, str], ...]
    arithmetic: str
    where: str


@dataclass(frozen=True, slots=True)
class Level:
    """A number that a weight can come back as: its place on the axis of weights, its name, and how many have it."""

    at: float
    name: str
    code: str
    count: int


@dataclass(frozen=True, slots=True)
class BlockPicture:
    """A block.

    Attributes:
        weights: in the order in which they are stored.
        levels: ascending by the level, which is descending on the axis where the scale is below zero.
        edges: bounds of the bins of all weights of the matrix, on the axis of this block's weights; empty for none.
        counts: how many are in each.
        bytes: the bytes in hexadecimal, and which weights each of them has, the upper four bits first; empty where
            the format leaves their order open.
        one: what one of them is called, ``"weight"``.
        everything: what the grey shape is called, ``"all 884,736 weights, each divided by its block's largest"``.
    """

    weights: tuple[Weight, ...]
    levels: tuple[Level, ...]
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    bytes: tuple[tuple[str, tuple[int, ...]], ...]
    one: str
    everything: str


def block_view(
    picture: BlockPicture, chosen: int, *, name: str, key: str, on_pick: Callable[[], None] = kit.nothing
) -> None:
    """Draw the block.

    Args:
        picture: what is drawn.
        chosen: place of the weight whose arithmetic is told while none is pointed at.
        name: what the drawing is called for a screen reader.
        key: the widget's key.
        on_pick: called before the run that a press asks for; `picked_weight` reads what was pressed.
    """
    data = {
        "weights": [asdict(one) for one in picture.weights],
        "levels": [asdict(one) for one in picture.levels],
        "edges": list(picture.edges),
        "counts": list(picture.counts),
        "bytes": [{"hex": text, "of": list(places)} for text, places in picture.bytes],
        "one": picture.one,
        "everything": picture.everything,
        "chosen": chosen,
        "name": name,
    }
    _render(key=key, data=data, on_picked_change=on_pick)


def picked_weight(key: str, sequence: Sequence[object]) -> int | None:
    """In ``on_pick``: the place that was pressed, once there is such a one in ``sequence``."""
    place = kit.whole(kit.sent(key, "picked"), "index")
    return place if place is not None and 0 <= place < len(sequence) else None
