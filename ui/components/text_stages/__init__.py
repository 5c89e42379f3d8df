"""A text on its way through a tokenizer: what each token says, where the text was cut, the tokens, the ids.

Python sends strings and numbers; ``text_stages.js`` makes one column of each token, with ``textContent`` alone, and
tells which word was chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ui.components import kit

__all__ = ["Column", "text_stages"]

_HERE = Path(__file__).parent
_render = kit.component("lmloupe_text_stages", _HERE / "text_stages.js", kit.DRAWING, _HERE / "text_stages.css")


@dataclass(frozen=True, slots=True)
class Column:
    """One token.

    Attributes:
        source: its characters of the text; empty for a token that the tokenizer added.
        normal: the same after the normalizer.
        cut: whether the pre-tokenizer cut in front of it.
        piece: the token as the vocabulary stores it.
        token_id: its id.
        word: number of the word that it belongs to, -1 for a token that the tokenizer added.
        kind: ``"special"``, ``"added"`` or ``"text"``.
    """

    source: str
    normal: str
    cut: bool
    piece: str
    token_id: int
    word: int
    kind: str


def text_stages(columns: Sequence[Column], *, chosen: int, label: str, key: str) -> int | None:
    """Draw the columns; they wrap like a text.

    Args:
        columns: the tokens in order.
        chosen: number of the word that is lit.
        label: what the picture is called.
        key: the widget's key.

    Returns:
        The word that a person has just chosen, else None.
    """
    data = {
        "columns": [
            (column.source, column.normal, column.cut, column.piece, column.token_id, column.word, column.kind)
            for column in columns
        ],
        "chosen": chosen,
        "label": label,
    }
    word = kit.whole(_render(key=key, data=data, on_picked_change=kit.nothing).get("picked"), "word")
    return word if word is not None and any(column.word == word for column in columns) else None
