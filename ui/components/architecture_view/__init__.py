"""A model's parts in the browser: the whole of it and one block, boxes as long as they have weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ui.components import kit

__all__ = ["Half", "Part", "architecture_view", "picked_block", "picked_module"]

_HERE = Path(__file__).parent
_render = kit.component("lmloupe_architecture", _HERE / "architecture_view.js", _HERE / "architecture_view.css")


@dataclass(frozen=True, slots=True)
class Part:
    """A box.

    Attributes:
        label: a word that fits into a small box.
        name: its full name.
        size: its shape or number of weights, in words.
        weights: how long it is; 0 for one that shares another's.
        about: what it does, for somebody who hears of it for the first time.
        quantized: stored in 8 or 4 bits.
        module: path of the module that a press chooses; "" for none.
        many: how many that are alike it stands for.
    """

    label: str
    name: str
    size: str
    weights: int
    about: str
    quantized: bool = False
    module: str = ""
    many: int = 1


@dataclass(frozen=True, slots=True)
class Half:
    """Attention or MLP: its matrices, and its steps as (term, what it means)."""

    title: str
    boxes: tuple[Part, ...]
    steps: tuple[tuple[str, str], ...]


def architecture_view(
    whole: Sequence[Part],
    halves: Sequence[Half],
    *,
    block: int,
    n_blocks: int,
    chosen: str,
    hint: str,
    key: str,
    on_pick: Callable[[], None] = kit.nothing,
) -> None:
    """Draw the parts.

    Args:
        whole: the whole model from the embedding to the output.
        halves: of one block.
        block: its number, from 1.
        n_blocks: how many there are.
        chosen: path of the module that is marked.
        hint: said while nothing is pointed at.
        key: the widget's key.
        on_pick: called before the run that a press asks for; `picked_module` and `picked_block` read what was pressed.
    """
    data = {
        "whole": [asdict(part) for part in whole],
        "halves": [
            {
                "title": half.title,
                "boxes": [asdict(part) for part in half.boxes],
                "steps": [list(s) for s in half.steps],
            }
            for half in halves
        ],
        "block": block,
        "blocks": n_blocks,
        "chosen": chosen,
        "hint": hint,
    }
    _render(key=key, data=data, on_picked_change=on_pick)


def picked_module(key: str) -> str | None:
    """In ``on_pick``: the path that was pressed. It comes from a browser: check that there is such a module."""
    sent = kit.sent(key, "picked")
    path = sent.get("module") if isinstance(sent, dict) else None
    return path if isinstance(path, str) else None


def picked_block(key: str) -> int | None:
    """In ``on_pick``: the block that was asked for, from 1; check that there is such a block."""
    return kit.whole(kit.sent(key, "picked"), "block")
