"""Draw strings as a row of boxes, for pieces that are not an `Encoding`: pre-tokens, symbols of a merge."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from ui.base import theme

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

__all__ = ["chips", "unnamed_row", "visible"]

_SIGNS = str.maketrans({" ": "␣", "\n": "⏎", "\t": "⇥", "\r": "␍"})


def visible(text: str) -> str:
    """White space as signs, control characters as their code points."""
    signs = text.translate(_SIGNS)
    return "".join(char if char.isprintable() else f"⟨U+{ord(char):04X}⟩" for char in signs)


def unnamed_row(token_id: int) -> str:
    """What to write for a row of a model's matrix that no token names."""
    return f"(row {token_id}, no token)"


def chips(
    pieces: Sequence[str],
    *,
    marked: Sequence[int] = (),
    below: Sequence[str] = (),
    place: DeltaGenerator | None = None,
    colours: Sequence[str] = (),
    size_rem: float = 1.25,
    fit: bool = False,
) -> None:
    """Draw pieces side by side; they wrap. Every piece is escaped: it is a person's text.

    Args:
        pieces: what to write into the boxes.
        marked: places of boxes that get a border in the accent.
        below: small print under each box, as many as pieces or none.
        place: draw into this instead of a new element.
        colours: of the boxes in turn; the two tints of tokens if none are given.
        size_rem: of the letters.
        fit: whether the letters grow until all stand in one line of the container they are in, to at most ``size_rem``.
    """
    colours = colours or theme.token_tints()
    notes = list(below) or [""] * len(pieces)
    marks = set(marked)
    boxes = []
    for i, (piece, note) in enumerate(zip(pieces, notes, strict=True)):
        border = f"2px solid {theme.accent()}" if i in marks else "2px solid transparent"
        small = f'<span style="font-size:.75rem;opacity:{theme.QUIET}">{html.escape(note)}</span>' if note else ""
        boxes.append(
            '<span style="display:inline-flex;flex-direction:column;align-items:center">'
            f'<span style="background:{colours[i % len(colours)]};color:{theme.ink()};border:{border};'
            f'border-radius:.3rem;padding:.04em .28em;overflow-wrap:anywhere">'
            f"{html.escape(visible(piece)) or '∅'}</span>{small}</span>"
        )
    size = f"{size_rem}rem"
    if fit:  # a letter is 0.61 em wide, the edges of a box 0.56 em; then come its border and the gap
        em = sum(map(len, pieces)) * 0.61 + len(pieces) * 0.56
        size = f"clamp(1.25rem, calc((100cqi - {len(pieces) * 0.6:.1f}rem) / {em:.2f}), {size})"
    style = f"display:flex;flex-wrap:wrap;gap:.3rem;font-family:monospace;font-size:{size}"
    body = f'<div style="{style}">{"".join(boxes)}</div>'
    (place or st).html(body)
