"""Names for places of the vocabulary map, computed from the text of the tokens that lie there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["FEWEST", "LIFT", "SHARE", "PlaceName", "kind_of", "place_names", "traits_of"]

SHARE, LIFT, FEWEST = 0.6, 2.0, 8
"""A place is named where this share of its tokens has a trait, so many times as many as on the whole map, of no fewer
tokens than that."""
_CELLS = 20
_ENDINGS = ("ing", "ed", "ly", "tion", "er", "es", "s")
_SIGNS = {"Number": "numbers", "Punctuation": "punctuation", "Symbol": "symbols", "White space": "white space"}
_QUIET_SCRIPTS = {"Latin", "None", "Mixed", "Other", "Other script"}


@dataclass(frozen=True, slots=True)
class PlaceName:
    """A name and where it stands.

    Attributes:
        name: what most tokens there have in common, such as ``"numbers"`` or ``"-ing"``.
        x, y: the mean of the tokens that have it.
        share: how many of the tokens around have it, 0 to 1.
        n: how many tokens that are.
    """

    name: str
    x: float
    y: float
    share: float
    n: int


def traits_of(text: str | None, script: str) -> tuple[str, ...]:
    """What can be said of a token by its text alone; ``text`` is None for bytes that are part of a character.

    >>> traits_of(" walking", "Latin"), traits_of("NASA", "Latin"), traits_of(None, "None")
    (('-ing',), ('CAPITALS', 'no space before'), ('parts of characters',))
    """
    if text is None:
        return ("parts of characters",)
    word = text.strip()
    if script not in _QUIET_SCRIPTS:
        return (_SIGNS.get(script, script),)
    if not word.isalpha():
        return ("control tokens",) if word.startswith("<|") else ()
    found = []
    if len(word) > 1 and word.isupper():
        found.append("CAPITALS")
    elif word[0].isupper():
        found.append("Capital first")
    else:
        ending = next((end for end in _ENDINGS if word.endswith(end) and len(word) > len(end) + 2), None)
        found += [f"-{ending}"] if ending else []
    if text[:1] != " ":
        found.append("no space before")
    return tuple(found)


def kind_of(text: str | None, script: str) -> str:
    """One word for what a token is, by its text alone, for the colours of the map.

    >>> kind_of(" walking", "Latin"), kind_of("ing", "Latin"), kind_of(" NASA", "Latin"), kind_of("42", "Number")
    ('begins a word', 'inside a word', 'CAPITALS', 'numbers')
    """
    if text is None:
        return "parts of characters"
    word = text.strip()
    if script not in _QUIET_SCRIPTS:
        return _SIGNS.get(script, "other scripts")
    if not word.isalpha():
        return "control tokens" if word.startswith("<|") else "mixed"
    if len(word) > 1 and word.isupper():
        return "CAPITALS"
    if word[0].isupper():
        return "Capital first"
    return "begins a word" if text[:1] == " " else "inside a word"


def place_names(points: NDArray[np.float32], traits: Sequence[Sequence[str]]) -> tuple[PlaceName, ...]:
    """The places of a map that can be named, the surest first.

    The map is cut into 20 x 20 cells of equal size. A cell is named after a trait that at least `SHARE` of its tokens
    have and that is `LIFT` times as frequent there as on the whole map; cells side by side with one name become one
    place, and of places with one name the largest is named. What has no such trait gets no name.

    Args:
        points: float32 (n, 2).
        traits: of each of the n tokens, from `traits_of`.

    >>> points = np.array([[0, 0]] * 8 + [[9, 9]] * 40, np.float32)
    >>> place_names(points, [("numbers",)] * 8 + [("-ing",)] * 4 + [()] * 36)[0].name
    'numbers'
    """
    if not len(points):
        return ()
    low, high = points.min(0), points.max(0)
    cells = np.minimum(((points - low) / np.maximum(high - low, 1e-9) * _CELLS).astype(int), _CELLS - 1)
    where = cells[:, 0] * _CELLS + cells[:, 1]
    sizes = np.bincount(where, minlength=_CELLS**2)
    names = sorted({trait for own in traits for trait in own})
    found = []
    for name in names:
        has = np.fromiter((name in own for own in traits), bool, len(traits))
        inside = np.bincount(where[has], minlength=_CELLS**2)
        share = inside / np.maximum(1, sizes)
        named = (sizes >= FEWEST) & (share >= SHARE) & (share >= LIFT * has.mean())
        patches = [np.isin(where, patch) for patch in _patches({int(cell) for cell in np.flatnonzero(named)})]
        for there in sorted(patches, key=lambda patch: -patch.sum())[:1]:
            x, y = points[there & has].mean(0)
            found.append(PlaceName(name, float(x), float(y), float(has[there].mean()), int(there.sum())))
    return tuple(sorted(found, key=lambda place: (-place.share * place.n**0.5, place.name)))


def _patches(cells: set[int]) -> list[list[int]]:
    """Cells in groups that touch."""
    groups = []
    while cells:
        group, edge = [], [min(cells)]
        while edge:
            cell = edge.pop()
            if cell not in cells:
                continue
            cells.discard(cell)
            group.append(cell)
            i, j = divmod(cell, _CELLS)
            edge += [
                a * _CELLS + b
                for a in range(max(0, i - 1), min(_CELLS, i + 2))
                for b in range(max(0, j - 1), min(_CELLS, j + 2))
            ]
        groups.append(group)
    return groups
