"""The ruler: one text in large letters, with the tokens of each tokenizer above and below, and where they disagree."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

from lmloupe.encodings.alignment import Alignment
from ui.base import theme
from ui.base.chips import visible
from ui.base.words import counted
from ui.components import kit

__all__ = ["ruler"]

_HERE = Path(__file__).parent
_render = kit.component("lmloupe_ruler", _HERE / "ruler.js", kit.DRAWING, _HERE / "ruler.css")


def ruler(
    aligned: Alignment, names: Sequence[str], families: Sequence[str], *, start: int, n_shown: int, key: str
) -> None:
    """Draw the boundaries of several encodings of one text.

    Args:
        aligned: the encodings on one axis.
        names: of the tokenizers, as people know them.
        families: what their hues go by, see `ui.base.theme.family_colour`.
        start: the first character to show, from 0.
        n_shown: at most that many characters.
        key: the widget's key.
    """
    end = min(len(aligned.text), start + n_shown)
    rows = []
    for i, (name, family) in enumerate(zip(names, families, strict=True)):
        inner = [cut - start for cut in aligned.cuts(i).tolist() if start < cut < end]
        rows.append({"name": name, "colour": theme.family_colour(family), "cuts": [0, *inner, end - start]})
    data = {
        "letters": [_letter(char) for char in aligned.text[start:end]],
        "first": start,
        "rows": rows,
        "label": f"{counted(end - start, 'character')} with the boundaries of {', '.join(names)}.",
    }
    _render(key=key, data=data)


def _letter(char: str) -> str:
    """A character as one can see it alone: a mark on a dotted circle, white space and controls as signs."""
    return f"\u25cc{char}" if unicodedata.category(char).startswith("M") else visible(char)
