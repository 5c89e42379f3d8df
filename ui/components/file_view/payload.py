"""What the file view sends to the browser, in the form of the token view's payload (``token_view/payload.py``).

The text lies in the arrays as UTF-8. A last byte behind everything says whether lines that both cut alike are left out:
it is no part of the version, so that turning that switch draws nothing anew.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from lmloupe.encodings.lines import LineComparison
from ui.components.token_view.payload import Arrays, TokenRow, pack_row

__all__ = ["Side", "build_payload"]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two tokenizers.

    Attributes:
        key: its name as a program writes it.
        name: the name that people know.
        colour: its hue, as CSS.
        facts: cells of its row in the head, under the headings that `build_payload` gets.
    """

    key: str
    name: str
    colour: str
    facts: tuple[str, ...]


def build_payload(
    found: LineComparison,
    sides: Sequence[Side],
    *,
    headings: Sequence[str],
    agreement: Sequence[str],
) -> bytes:
    """Pack a comparison.

    Args:
        found: from `lmloupe.compare_lines`.
        sides: the two tokenizers, in the order of the encodings.
        headings: of the columns of facts.
        agreement: sentences beside the head.
    """
    arrays = Arrays()
    text = found.encodings[0].text
    rows = [
        pack_row(TokenRow(side.name, enc), text, len(enc), arrays)
        for side, enc in zip(sides, found.encodings, strict=True)
    ]
    header = {
        "length": len(text),
        "text": arrays.add(text.encode()),
        "lineStarts": arrays.add(found.line_starts),
        "same": arrays.add(found.same.astype("u1")),
        "keys": [side.key for side in sides],
        "colours": [side.colour for side in sides],
        "facts": [list(side.facts) for side in sides],
        "headings": list(headings),
        "agreement": list(agreement),
        "rows": rows,
        "both": [arrays.add(both.astype("u1")) for both in found.in_both],
        "firsts": [arrays.add(first.astype(np.int32)) for first in found.first_tokens],
    }
    # ASCII, so that the browser sees exactly the characters that Python counted.
    head = json.dumps(header, separators=(",", ":")).encode("ascii")
    head += b" " * (-len(head) % 4)
    body = b"".join((struct.pack("<I", len(head)), head, *arrays.parts))
    return blake2b(body, digest_size=8).hexdigest().encode("ascii") + body
