"""One prompt through a pipeline, at the left, and by tokenizer and model line by line, with every value between.

Texts go through ``textContent``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from ui.components import kit

__all__ = ["Level", "Value", "level_view"]

_HERE = Path(__file__).parent
_render = kit.component("lmloupe_level_view", _HERE / "level_view.js", kit.DRAWING, _HERE / "level_view.css")


@dataclass(frozen=True, slots=True)
class Value:
    """What a line of code gave, in this run.

    Attributes:
        kind: ``"messages"`` (role and content each), ``"text"``, or ``"tokens"`` (label and id each).
        name: of the variable, with its type, shape, dtype and device where it has them.
        parts: pairs; of a text, pieces of it and ``"special"`` or nothing.
        lit: the first of the parts that is new; those before it are drawn pale, and of many the last few alone.
        special: places of the tokens that are special.
    """

    kind: Literal["messages", "text", "tokens"]
    name: str
    parts: Sequence[tuple[str, str]]
    lit: int = 0
    special: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Level:
    """One stage.

    Attributes:
        title: what happens.
        where: the line of the pipeline's code that does it, as file and number; empty where none is known.
        source: the lines there.
        same: what was compared with the pipeline and found equal, in a few words; empty where nothing is compared.
        differs: whether it was found unequal instead.
        code: the line that a person writes.
        values: what it gave.
    """

    title: str
    where: str
    source: str
    same: str
    code: str
    values: Sequence[Value]
    differs: bool = False


def level_view(levels: Sequence[Level], *, call: str, prepared: str, label: str, key: str) -> None:
    """Draw the stages from the top.

    Args:
        levels: the stages.
        call: the lines that do all of them.
        prepared: what a person writes before the first stage.
        label: what the picture is called.
        key: the widget's key.
    """
    _render(
        key=key,
        data={"levels": [asdict(level) for level in levels], "call": call, "prepared": prepared, "label": label},
    )
