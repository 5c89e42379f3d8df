"""Two tokenizers line by line: the tokens of every line, which of them both have, and which lines both cut alike."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lmloupe.encodings.alignment import align
from lmloupe.encodings.encoding import Encoding

__all__ = ["LineComparison", "compare_lines"]


@dataclass(frozen=True, slots=True, eq=False)
class LineComparison:
    r"""Two encodings of one text of n lines. A line ends with its ``\n``; only the last one may have none.

    Attributes:
        encodings: the two encodings, as they were given.
        line_starts: int32 (n + 1,), first character of every line, and the length of the text.
        first_tokens: two arrays int32 (n + 1,), for each encoding the first token of every line, and the number of
            tokens. A token belongs to the line in which it begins, so the lines together have all tokens in order; a
            token without characters belongs to the line of the token before it.
        in_both: two arrays bool, one value for each token: whether the other encoding has the same token, which is one
            that covers the same bytes of the text. False for a token without characters.
        same: bool (n,), lines that both cut alike: every token that covers a character of the line is in both.
        agreement: Jaccard index of the cuts in the whole text, as in `Alignment.agreement`.
    """

    encodings: tuple[Encoding, Encoding] = field(repr=False)
    line_starts: NDArray[np.int32] = field(repr=False)
    first_tokens: tuple[NDArray[np.int32], NDArray[np.int32]] = field(repr=False)
    in_both: tuple[NDArray[np.bool_], NDArray[np.bool_]] = field(repr=False)
    same: NDArray[np.bool_] = field(repr=False)
    agreement: float

    def __len__(self) -> int:
        return len(self.same)

    @property
    def share_same(self) -> float:
        """Lines that both cut alike, as a share of all lines."""
        return float(self.same.mean())

    @property
    def different(self) -> NDArray[np.int32]:
        """Numbers of the lines that the two cut differently, from 0: int32, ascending."""
        return np.flatnonzero(~self.same).astype(np.int32)

    def line(self, i: int) -> str:
        """Text of line ``i``, its line end included."""
        start, end = self.line_starts[i : i + 2].tolist()
        return self.encodings[0].text[start:end]

    def ids(self, which: int, i: int) -> NDArray[np.int32]:
        """Ids of the tokens of encoding ``which`` (0 or 1) that begin in line ``i``: int32."""
        first, end = self.first_tokens[which][i : i + 2]
        return self.encodings[which].input_ids[first:end]


def _line_starts(text: str) -> NDArray[np.int32]:
    ends = np.flatnonzero(_codes(text) == ord("\n")) + 1
    inner = ends[ends < len(text)]
    return np.concatenate([[0], inner, [len(text)]]).astype(np.int32)


def _codes(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le"), "<u4")


def _byte_places(text: str) -> NDArray[np.int64]:
    """The first byte of every character in the text's UTF-8, and the number of bytes: (c + 1,)."""
    codes = _codes(text)
    widths = 1 + (codes > 0x7F).astype(np.int64) + (codes > 0x7FF) + (codes > 0xFFFF)
    return np.concatenate([[0], np.cumsum(widths)]).astype(np.int64)


def _sizes(enc: Encoding) -> tuple[list[bytes], NDArray[np.int64], NDArray[np.int64]]:
    """The bytes of every id that is there, which of them each token has, and how many they are."""
    ids, slots = np.unique(enc.input_ids, return_inverse=True)
    known = [enc.tokenizer.token_bytes(i) for i in ids.tolist()]
    return known, slots, np.array([len(one) for one in known], np.int64)[slots]


def _keys(enc: Encoding, places: NDArray[np.int64], odd: dict[tuple[int, ...], int]) -> NDArray[np.int64]:
    """A number for the bytes of the text that every token covers: int64 (n,), equal for the same bytes.

    The bytes of a run of tokens that share characters lie end to end. Where they are not the text's own (the space that
    SentencePiece puts before a text shares its first character; NFC puts marks in another order), ``odd`` numbers what
    the tokens cover.
    """
    starts, ends = enc.offsets.T
    # One number for both ends: a text has far fewer than 2 ** 31 bytes.
    keys: NDArray[np.int64] = (places[starts] << 31) | places[ends]
    shares = np.zeros(len(enc) + 1, np.bool_)  # whether token i shares characters with the token before it
    shares[1:-1] = (starts[1:] < np.maximum.accumulate(ends)[:-1]) & (starts[1:] < ends[1:])
    begins = np.flatnonzero(~shares[:-1] & shares[1:])
    if not len(begins):
        return keys
    stops = np.flatnonzero(shares[:-1] & ~shares[1:]) + 1
    members = np.flatnonzero(shares[:-1] | shares[1:])
    run = np.repeat(np.arange(len(begins)), stops - begins)
    known, slots, sizes = _sizes(enc)
    after = np.concatenate([[0], np.cumsum(sizes)])
    own = np.stack([after[members], after[members + 1]], axis=1) - after[begins][run, None]  # bytes within the run
    firsts = places[starts[begins]]
    lasts = places[np.maximum.reduceat(ends[members], np.searchsorted(members, begins))]
    keys[members] = ((own[:, 0] + firsts[run]) << 31) | (own[:, 1] + firsts[run])
    text = enc.text.encode()
    exact = np.array(
        [
            b"".join([known[slot] for slot in slots[begin:stop].tolist()]) == text[first:last]
            for begin, stop, first, last in zip(*(one.tolist() for one in (begins, stops, firsts, lasts)), strict=True)
        ],
        np.bool_,
    )
    for i in np.flatnonzero(~exact[run]).tolist():
        what = (*enc.offsets[members[i]].tolist(), *own[i].tolist())
        keys[members[i]] = -1 - odd.setdefault(what, len(odd))
    return keys


def _among(values: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which values are among the others. They are nearly in order, where a search is faster than a set."""
    if not len(others):
        return np.zeros(len(values), np.bool_)
    ordered = np.sort(others, kind="stable")
    found: NDArray[np.bool_] = ordered[np.searchsorted(ordered, values).clip(max=len(ordered) - 1)] == values
    return found


def compare_lines(first: Encoding, second: Encoding) -> LineComparison:
    r"""Compare two encodings of one text line by line. Takes time linear in the text, but for sorting the tokens.

    Args:
        first: an encoding of the text.
        second: another encoding of the same text.

    Returns:
        A `LineComparison`; an empty text has one line, which is empty.

    Raises:
        InvalidSettingError: encodings of different texts.

    >>> from lmloupe.encodings.encoding import encode
    >>> from lmloupe import load_tokenizer
    >>> text = "a coconut\nin 2026\n"
    >>> found = compare_lines(*(encode(load_tokenizer(key), text) for key in ("llama-3.1", "starcoder2")))
    >>> found.same.tolist(), round(found.agreement, 3), found.line(1)
    ([False, False], 0.636, 'in 2026\n')
    >>> [found.ids(which, 0).tolist() for which in (0, 1)]
    [[64, 34557, 198], [102, 2118, 487, 322, 222]]
    """
    agreement = float(align([first, second]).agreement[0, 1])
    text = first.text
    lines, places = _line_starts(text), _byte_places(text)
    odd: dict[tuple[int, ...], int] = {}
    keys = [_keys(enc, places, odd) for enc in (first, second)]
    filled = [enc.offsets[:, 0] < enc.offsets[:, 1] for enc in (first, second)]
    matched = [_among(keys[k], keys[1 - k][filled[1 - k]]) & filled[k] for k in (0, 1)]
    changes = np.zeros(len(lines), np.int64)  # how many differing tokens begin to touch a line, less those that ended
    first_tokens = []
    for enc, both, has in zip((first, second), matched, filled, strict=True):
        starts, ends = enc.offsets.T
        alone = has & ~both
        np.add.at(changes, np.searchsorted(lines[1:-1], starts[alone], side="right"), 1)
        np.add.at(changes, np.searchsorted(lines[1:-1], ends[alone] - 1, side="right") + 1, -1)
        far = np.maximum.accumulate(np.where(has, starts, 0)) if len(enc) else starts
        first_tokens.append(np.searchsorted(far, lines, side="left").astype(np.int32))
        first_tokens[-1][0], first_tokens[-1][-1] = 0, len(enc)
    return LineComparison(
        encodings=(first, second),
        line_starts=lines,
        first_tokens=(first_tokens[0], first_tokens[1]),
        in_both=(matched[0], matched[1]),
        same=np.cumsum(changes)[:-1] == 0,
        agreement=agreement,
    )
