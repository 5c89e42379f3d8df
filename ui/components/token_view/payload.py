"""What the token view sends to the browser: one run of bytes.

    16 bytes   version: a hash of the rest in hex; the same version means nothing to redraw
     4 bytes   length of the header, little-endian
     header    JSON: text, headings, the pieces of the ids that occur, where each array lies
     arrays    little-endian, each beginning at a multiple of four bytes after the header, each in the
              narrowest of five types that holds its values; of an array of one value, that value alone

A token's piece and bytes depend on its id alone, so both are sent once for each id that occurs. Per token
there are its place in that table, its flags, how far it starts from the end of the token before, and its
length (characters, not UTF-16 units): two or three bytes more, where tokens lie end to end.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmloupe.encodings.encoding import Encoding
from ui.base import theme
from ui.base.chips import unnamed_row

__all__ = ["ROLES", "Arrays", "ColourBy", "Show", "TokenRow", "build_payload", "pack_row", "payload_version"]

ColourBy = Literal["position", "id", "length"]
Show = Literal["text", "ids", "both"]

ROLES = ("system", "user", "assistant", "tool", "special")
"""Names that `TokenRow.classes` may hold besides None; the view has one colour for each."""

# `rows.js` has the same numbers and names.
_SPECIAL, _PARTIAL, _ADDED = 1, 2, 4
_NO_FILL = 255
_TYPES = ("u1", "i1", "u2", "i2", "i4")


@dataclass(frozen=True, slots=True, eq=False)
class TokenRow:
    """One row of the token view.

    Attributes:
        name: heading of the row, the tokenizer's name as a person knows it.
        encoding: what to draw.
        subtitle: a few words after the name.
        family: name of the tokenizer or model, whose hue the row's head gets; "" for none.
        classes: one of `ROLES` or None for each token: colour by role in place of colour by position.
        fill: a share from 0 to 1 for each token, NaN or None for no value: shade in place of colour.
        notes: one more line for each token's tooltip, such as "probability 0.77"; "" for none.
    """

    name: str
    encoding: Encoding
    subtitle: str = ""
    classes: Sequence[str | None] | None = None
    fill: ArrayLike | Sequence[float | None] | None = None
    notes: Sequence[str] | None = None
    family: str = ""

    def __post_init__(self) -> None:
        for what in ("classes", "fill", "notes"):
            values = getattr(self, what)
            if values is not None and len(values) != len(self.encoding):
                raise ValueError(f"{what} of {self.name!r} has {len(values)} values for {len(self.encoding)} tokens.")
        unknown = set(self.classes or ()) - {None, *ROLES}
        if unknown:
            raise ValueError(
                f"{sorted(map(str, unknown))[0]!r} is not a role of the token view: use one of {ROLES} or None."
            )


class Arrays:
    """The arrays behind the header, and where each one lies."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.size = 0

    def add(self, values: NDArray[Any] | bytes) -> list[int | str]:
        """Append one array; its first byte, counted from the end of the header, its length in items, its type."""
        array = np.frombuffer(values, "u1") if isinstance(values, bytes) else values
        kind = _narrowest(array)
        same = len(array) > 1 and bool((array == array[0]).all())
        raw = (array[:1] if same else array).astype(f"<{kind}").tobytes()
        place: list[int | str] = [self.size, len(array), f"={kind}" if same else kind]
        padding = -len(raw) % 4
        self.parts.append(raw + b"\0" * padding)
        self.size += len(raw) + padding
        return place


def _narrowest(array: NDArray[Any]) -> str:
    low, high = (int(array.min()), int(array.max())) if len(array) else (0, 0)
    return next(kind for kind in _TYPES if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max)


def build_payload(
    rows: Sequence[TokenRow],
    *,
    text: str,
    show_whitespace: bool = False,
    height: int | None = None,
    max_tokens: int = 20_000,
    selectable: bool = False,
    colour_by: ColourBy = "position",
    show: Show = "text",
    export: str | None = None,
    key: str = "",
) -> bytes:
    """Pack the rows; the arguments are those of `ui.components.token_view.token_view`."""
    for what, value, choices in (("colour_by", colour_by, get_args(ColourBy)), ("show", show, get_args(Show))):
        if value not in choices:
            raise ValueError(f"{what} is {value!r}: use one of {', '.join(choices)}.")
    arrays = Arrays()
    header_rows = [pack_row(row, text, max_tokens, arrays) for row in rows]
    shown = max((row["textEnd"] for row in header_rows), default=0)
    header = {
        "text": text[:shown],
        "length": shown,
        "whitespace": show_whitespace,
        "height": height,
        "selectable": selectable,
        "colourBy": colour_by,
        "show": show,
        "export": export,
        "key": key,
        "mostTokens": max((row["count"] for row in header_rows), default=0),
        "rows": header_rows,
    }
    # ASCII, so that the browser sees exactly the characters that Python counted.
    head = json.dumps(header, separators=(",", ":")).encode("ascii")
    head += b" " * (-len(head) % 4)
    body = b"".join((struct.pack("<I", len(head)), head, *arrays.parts))
    return blake2b(body, digest_size=8).hexdigest().encode("ascii") + body


def payload_version(payload: bytes) -> str:
    """The version at the head of a payload."""
    return payload[:16].decode("ascii")


def pack_row(row: TokenRow, text: str, max_tokens: int, arrays: Arrays) -> dict[str, Any]:
    """The header of a row, which the constructor of `Row` in rows.js reads; what is long goes into the arrays."""
    encoding = row.encoding
    if encoding.text != text:
        raise ValueError(f"The encoding of {row.name!r} belongs to another text than the one to show.")
    total = len(encoding)
    n = min(total, max_tokens)
    ids, slots = np.unique(encoding.input_ids[:n], return_inverse=True)
    tok = encoding.tokenizer
    token_bytes = [tok.token_bytes(i) for i in ids.tolist()]
    partial = np.fromiter((not _is_text(b) for b in token_bytes), bool, len(ids))
    starts, ends = encoding.offsets[:n, 0], encoding.offsets[:n, 1]
    special = encoding.special_tokens_mask[:n]
    added = np.fromiter((encoding.tokenizer.is_added(i) for i in ids.tolist()), bool, len(ids))
    flags = special * _SPECIAL + (partial[slots] & ~special) * _PARTIAL + added[slots] * _ADDED
    packed: dict[str, Any] = {
        "name": row.name,
        "subtitle": row.subtitle,
        "colour": _light_and_dark(row.family),
        "facts": _facts(total, len(text), n),
        "count": total,
        # What no token covers at the end of the text is shown as well, unless the row is cut before it.
        "textEnd": len(text) if n == total else int(ends.max(initial=0)),
        "pieces": [tok.piece(i) if tok.has(i) else unnamed_row(i) for i in ids.tolist()],
        "ids": arrays.add(ids),
        "bytes": arrays.add(b"".join(token_bytes)),
        "byteEnds": arrays.add(np.cumsum([len(b) for b in token_bytes], dtype=np.int64)),
        "slots": arrays.add(slots),
        "gaps": arrays.add(starts - np.concatenate(([0], ends[:-1]))[:n]),
        "sizes": arrays.add(ends - starts),
        "flags": arrays.add(flags),
    }
    if row.classes is not None:
        number = {None: 0} | {role: i for i, role in enumerate(ROLES, start=1)}
        packed["classes"] = arrays.add(np.fromiter((number[c] for c in row.classes[:n]), "u1", n))
    if row.fill is not None:
        packed["fill"] = arrays.add(_quantized(row.fill, n))
    if row.notes is not None:
        packed["notes"] = list(row.notes[:n])
    return packed


def _light_and_dark(family: str) -> str:
    """The hue of a family as CSS; "" for none."""
    if not family:
        return ""
    pair = theme.FAMILIES.get(theme.family(family))
    return "light-dark({}, {})".format(*pair) if pair else theme.family_colour(family)


def _quantized(fill: ArrayLike | Sequence[float | None], n: int) -> NDArray[np.uint8]:
    """Shares as 0-254 and 255 for none: finer than an eye can tell."""
    share = np.asarray(fill, dtype=np.float64)[:n]  # None becomes NaN
    levels = np.rint(np.clip(np.nan_to_num(share), 0, 1) * (_NO_FILL - 1))
    return np.where(np.isnan(share), _NO_FILL, levels).astype("u1")


def _facts(total: int, n_characters: int, shown: int) -> str:
    """The heading's numbers, ``1,234 tokens · 4.19 characters per token``."""
    facts = "1 token" if total == 1 else f"{total:,} tokens"
    if total and n_characters:
        facts += f" · {n_characters / total:.2f} characters per token"
    if shown < total:
        facts += f" · first {shown:,} of {total:,} tokens shown"
    return facts


def _is_text(token: bytes) -> bool:
    try:
        token.decode()
    except UnicodeDecodeError:
        return False
    return True
