"""The map of a vocabulary in the browser: words at their points, more of them as one comes nearer.

Python packs points, words and colours into one run of bytes, as the token view does; the scripts beside this file draw
them on a canvas. Which words have room is decided there, anew at every move.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ui.components import kit

__all__ = ["Group", "MapPoints", "PlaceLabel", "map_payload", "map_view", "pack_points", "picked_id"]

_HERE = Path(__file__).parent
_render = kit.component("lmloupe_map", _HERE / "map_view.js", _HERE / "map_view.css")
_WHOLE, _FAR_OUT = 65535, 0.002


@dataclass(frozen=True, slots=True)
class Group:
    """Points of one colour: a name for the legend and a CSS colour, or a share from 0 to 1 of the accent."""

    name: str
    colour: str | float


@dataclass(frozen=True, slots=True)
class PlaceLabel:
    """Words that name a place of the map, in the points' own coordinates."""

    name: str
    x: float
    y: float


@dataclass(frozen=True, slots=True, eq=False)
class MapPoints:
    """What `pack_points` makes: all of a payload but what is lit."""

    header: bytes
    arrays: bytes


def pack_points(
    points: NDArray[np.float32],
    ids: NDArray[np.int32],
    labels: Sequence[str],
    groups: NDArray[np.integer],
    legend: Sequence[Group],
    *,
    legend_title: str,
    names: Sequence[PlaceLabel] = (),
    label: str,
) -> MapPoints:
    """Pack a map; keep the result, it takes some hundredths of a second for a large vocabulary.

    Args:
        points: (n, 2); one unit is as long across as up.
        ids: (n,), the tokens' ids.
        labels: their words, those that are to be written first at the beginning.
        groups: (n,), the place of each in ``legend``.
        legend: colours.
        legend_title: what the colours mean.
        names: of places.
        label: what the map is, for those who do not see it.
    """
    low = points.min(0) if len(points) else np.zeros(2)
    size = (points.max(0) if len(points) else np.ones(2)) - low
    longest = max(float(size.max()), 1e-9)
    shift = (longest - size) / 2  # the shorter side lies in the middle of the square
    shares = np.clip((points - low + shift) / longest, 0, 1)
    parts, places, at = [], {}, 0
    for name, values, kind in (
        ("x", np.rint(shares[:, 0] * _WHOLE), "u2"),
        ("y", np.rint(shares[:, 1] * _WHOLE), "u2"),
        ("ids", ids, "i4"),
        ("groups", groups, "u1"),
    ):
        raw = np.asarray(values).astype(f"<{kind}").tobytes()
        places[name] = [at, len(points), kind]
        parts.append(raw + b"\0" * (-len(raw) % 4))
        at += len(parts[-1])
    arrays = b"".join(parts)
    header = {
        **places,
        "labels": list(labels),
        "legend": [{"name": group.name, "colour": group.colour} for group in legend],
        "legendTitle": legend_title,
        "names": [
            {
                "name": place.name,
                "x": float((place.x - low[0] + shift[0]) / longest),
                "y": float((place.y - low[1] + shift[1]) / longest),
            }
            for place in names
        ],
        "label": label,
        "home": _home(shares),
    }
    text = json.dumps(header, separators=(",", ":"))
    version = blake2b(text.encode("ascii") + arrays, digest_size=8).hexdigest()
    return MapPoints(f'"map":"{version}",{text[1:]}'.encode("ascii"), arrays)


def _home(shares: NDArray[np.floating]) -> list[float]:
    """The part of the map that is shown first: left, bottom, right and top of all points but a few far out."""
    if not len(shares):
        return [0.0, 0.0, 1.0, 1.0]
    low, high = np.quantile(shares, [_FAR_OUT, 1 - _FAR_OUT], axis=0)
    return [float(edge) for edge in (*low, *np.maximum(high, low + 1e-3))]


def map_payload(packed: MapPoints, *, found: Sequence[int], picked: int, near: Sequence[int]) -> bytes:
    """The bytes that the browser gets; arguments as of `map_view`. The form is the token view's."""
    lit = json.dumps({"found": list(found), "picked": picked, "near": list(near)}, separators=(",", ":"))
    head = b'{"lit":' + lit.encode("ascii") + b"," + packed.header
    head += b" " * (-len(head) % 4)
    body = struct.pack("<I", len(head)) + head + packed.arrays
    return blake2b(body, digest_size=8).hexdigest().encode("ascii") + body


def map_view(
    packed: MapPoints,
    *,
    found: Sequence[int] = (),
    picked: int = -1,
    near: Sequence[int] = (),
    key: str,
    on_pick: Callable[[], None] = kit.nothing,
) -> None:
    """Draw the map.

    Args:
        packed: from `pack_points`.
        found: ids of tokens to mark, their words first.
        picked: id of the chosen token, -1 for none.
        near: ids of tokens that lines lead to from the chosen one.
        key: the widget's key.
        on_pick: called before the run that a click asks for; `picked_id` reads what was clicked.
    """
    _render(key=key, data=map_payload(packed, found=found, picked=picked, near=near), on_picked_change=on_pick)


def picked_id(key: str) -> int | None:
    """In ``on_pick``: the id that a click chose. It comes from a browser: check that there is such a token."""
    return kit.whole(kit.sent(key, "picked"), "id")
