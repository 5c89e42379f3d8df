"""One word in large letters, the merges of two tokenizers growing over it in step; played in the browser alone.

Python sends places, ranks and labels; ``merge_tree.js`` draws SVG from them with ``textContent`` alone. What comes
back is where a person left the slider and the speed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lmloupe.merges.comparison import MergeFork
from lmloupe.merges.side import MergeSide, spelling
from ui.components import kit

__all__ = ["SPEEDS", "merge_tree"]

SPEEDS = ("0.5", "1", "2", "4")

_HERE = Path(__file__).parent
_render = kit.component("lmloupe_merges", _HERE / "merge_tree.js", kit.DRAWING, _HERE / "merge_tree.css")


def merge_tree(
    word: str,
    sides: Sequence[tuple[str, str, MergeSide]],
    *,
    fork: MergeFork | None = None,
    says: str,
    step: int,
    speed: str,
    table: bool = False,
    key: str,
) -> tuple[int, str] | None:
    """Draw the word and one or two trees of merges.

    Args:
        word: the word; each side's places are bytes of it.
        sides: name, colour and merges; the first grows above the word, the second below.
        fork: where the two part.
        says: the fork in words, and what the picture is called.
        step: merges done; more than there are is all of them.
        speed: of playing, one of `SPEEDS`.
        table: whether the table of all merges is open at first.
        key: the widget's key.

    Returns:
        The step and the speed that a person came to rest at, the last one as one more than all merges; else None.
    """
    names = [name for name, _, _ in sides]
    last = max((len(side.nodes) for _, _, side in sides), default=0)
    data: dict[str, Any] = {
        "of": f"{names} {word}",
        "says": says,
        "letters": _letters(word, max((side.in_front for _, _, side in sides), default=0)),
        "sides": [_side(*side) for side in sides],
        "fork": None if fork is None or fork.node is None else _fork(fork, fork.node.step),
        "step": min(step, last),
        "speed": speed,
        "table": table,
    }
    sent = _render(key=key, data=data, on_at_change=kit.nothing).get("at")
    if not isinstance(sent, dict) or sent.get("of") != data["of"]:
        return None
    at, wished = kit.whole(sent, "step"), sent.get("speed")
    if at is None or not 0 <= at <= last or wished not in SPEEDS:
        return None
    return at if at < last else last + 1, wished


def _letters(word: str, in_front: int) -> list[tuple[str, int, int]]:
    """The characters with their bytes; marks stay on the letter before them."""
    letters: list[tuple[str, int, int]] = [("␣", -1, 0)] if in_front else []
    place = 0
    for char in word:
        size = len(char.encode())
        joins = unicodedata.category(char) in ("Mn", "Mc", "Me") or char in "\u200d\ufe0f"
        if joins and place:
            text, start, _ = letters.pop()
            letters.append((text + char, start, place + size))
        else:
            letters.append((spelling(char.encode()), place, place + size))
        place += size
    return letters


def _side(name: str, colour: str, side: MergeSide) -> dict[str, Any]:
    nodes = [
        (
            node.start,
            node.middle,
            node.end,
            node.rank,
            f"{side.spell(node.start, node.middle)} + {side.spell(node.middle, node.end)}",
            side.spell(node.start, node.end),
        )
        for node in side.nodes
    ]
    note = f"{side.without_merges}, no merges" if side.without_merges else ""
    return {
        "name": name,
        "colour": colour,
        "symbols": list(side.symbols),
        "nodes": nodes,
        "tokens": list(side.tokens),
        "note": note,
    }


def _fork(fork: MergeFork, step: int) -> dict[str, Any]:
    ghosts = {"never": "never learned", "cut": "cut before", "bytes": "bytes never merge", "characters": ""}
    ghost = ghosts.get(fork.reason, "") if fork.rival is None else ""
    rival = 0 if fork.rival is None else fork.rival.step
    return {"side": fork.side, "step": step, "rival": rival, "ghost": ghost}
