"""The text between added tokens as strings of the tokenizers library, which its pre-tokenizers cut and its model reads.

Their source is the normalized text, so that what the library says of a place in them is exact; from there
`CutText.origins` leads to the characters of the source text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import tokenizers
from numpy.typing import NDArray

from lmloupe.offsets.added_tokens import CutText, Segment
from lmloupe.offsets.bpe_places import model_tokenize
from lmloupe.offsets.rules import normalizer_steps, pre_tokenizer_steps
from lmloupe.offsets.step_alignment import behind, identity
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["SegmentStrings", "text_tokens", "with_added"]

Ints = NDArray[np.int32]

# No character becomes more than 18 in Unicode's normal forms; what a file's Prepend puts in front comes on top.
_MOST_AT_START = 200


@dataclass(frozen=True, slots=True, eq=False)
class _String:
    """One string of the library over some of the segments.

    Attributes:
        string: the segments one behind the other.
        numbers: int32 (k,), the segments.
        starts: int32 (k,), where each begins in the string.
        origin: int32 (n, 2), what lies behind each character of the string.
    """

    string: tokenizers.PreTokenizedString
    numbers: Ints
    starts: Ints
    origin: Ints

    @classmethod
    def first(cls, cut: CutText, i: int, n_shared: int) -> _String:
        """A segment whose first ``n_shared`` characters the library takes for the first of the text."""
        text, origin = cut.segments[i].normalized, cut.origins[i]
        mark = next(char for char in map(chr, range(0xFDD0, 0x10FFFF)) if char not in text)
        string = tokenizers.PreTokenizedString(mark + text[n_shared:])
        string.normalize(lambda whole: whole.replace(mark, text[:n_shared]))
        start = np.array([[origin[0, 0], origin[n_shared - 1, 1]]], np.int32)
        return cls(string, np.array([i], np.int32), np.zeros(1, np.int32), np.concatenate([start, origin[n_shared:]]))

    @classmethod
    def others(cls, cut: CutText, numbers: Sequence[int]) -> _String:
        """Segments by their numbers, behind a character that is dropped: none is at the start."""
        texts = [cut.segments[i].normalized for i in numbers]
        string = tokenizers.PreTokenizedString("\x00" + "".join(texts))
        ends = np.cumsum([1, *map(len, texts)], dtype=np.int32)
        string.split(lambda _, whole: _slices(whole, [0, *ends.tolist()])[1:])
        origin = np.concatenate([identity(0, 1), *(cut.origins[i] for i in numbers)])
        return cls(string, np.array(numbers, np.int32), ends[:-1], origin)


def _slices(string: Any, borders: Sequence[int]) -> list[Any]:
    """Cut a NormalizedString at borders. By halves: each slice walks the string to its place."""
    if len(borders) == 2:
        return [string]
    half = len(borders) // 2
    at = borders[half] - borders[0]
    return _slices(string[:at], borders[: half + 1]) + _slices(string[at:], borders[half:])


class SegmentStrings:
    """The segments of text, ready to be cut further.

    Args:
        tok: the tokenizer, in the process that has it.
        text: the source text.
        cut: its segments.
    """

    def __init__(self, tok: Tokenizer, text: str, cut: CutText) -> None:
        texts = [i for i, segment in enumerate(cut.segments) if segment.token_id is None and segment.normalized]
        shared = _characters_at_the_start(tok, text, cut)
        firsts = {i: _within(cut, i, shared) for i in texts}
        self._strings = [_String.first(cut, i, n) for i, n in firsts.items() if n]
        others = [i for i, n in firsts.items() if not n]
        self._strings += [_String.others(cut, others)] if others else []

    def pre_tokenize(self, component: Any) -> None:
        """Let a pre-tokenizer cut."""
        for each in self._strings:
            component.pre_tokenize(each.string)

    def pieces(self) -> tuple[list[str], Ints, Ints]:
        """The pieces in order, their half-open pairs of characters of the source text, and the segment of each."""
        texts: list[str] = []
        pairs, owners = [_pairs([])], [np.zeros(0, np.int32)]
        for each in self._strings:
            splits = each.string.get_splits("original", "char")
            texts += [piece for piece, _, _ in splits]
            places = _pairs([pair for _, pair, _ in splits])
            pairs.append(behind(each.origin, places))
            owners.append(each.numbers[np.searchsorted(each.starts, places[:, 0], side="right") - 1])
        owner = np.concatenate(owners)
        order = np.argsort(owner, kind="stable")
        return [texts[i] for i in order.tolist()], np.concatenate(pairs)[order], owner[order]

    def tokens(self, tokenize: Callable[[str], list[tokenizers.Token]]) -> tuple[Ints, Ints, Ints]:
        """The model's ids, their half-open pairs of characters of the source text, and the piece of each."""
        _, _, owner_of_piece = self.pieces()
        ids, pairs, pieces = [np.zeros(0, np.int32)], [_pairs([])], [np.zeros(0, np.int32)]
        for each in self._strings:
            own = np.flatnonzero(np.isin(owner_of_piece, each.numbers)).astype(np.int32)
            each.string.tokenize(tokenize)
            found = each.string.to_encoding()
            ids.append(np.fromiter(found.ids, np.int32))
            pairs.append(behind(each.origin, _pairs(found.offsets)))
            pieces.append(own[np.fromiter(found.word_ids, np.int32)])
        piece = np.concatenate(pieces)
        order = np.argsort(piece, kind="stable")
        return np.concatenate(ids)[order], np.concatenate(pairs)[order], piece[order]


def _pairs(offsets: Sequence[tuple[int, int]]) -> Ints:
    return np.fromiter(chain.from_iterable(offsets), np.int32, 2 * len(offsets)).reshape(-1, 2)


def _within(cut: CutText, i: int, shared: int) -> int:
    """How many of the first ``shared`` characters of the normalized text are a segment's."""
    if cut.segments[i].start > 0:
        return 0
    return max(0, min(shared - cut.begins[i], len(cut.segments[i].normalized)))


def _characters_at_the_start(tok: Tokenizer, text: str, cut: CutText) -> int:
    """How many characters of the normalized text the library takes for the text's first one.

    Of some pre-tokenizers a piece at the start gets a space (Metaspace). The library finds it by its own alignment, in
    which several characters may be the first of the text (``½`` becomes three) or none (it was removed).
    """
    if not any(step.settings.get("prepend_scheme") == "first" for step in pre_tokenizer_steps(tok)):
        return 0
    if not cut.runs:
        return 1
    string = tokenizers.PreTokenizedString(text[: cut.runs[0].end])
    for step in normalizer_steps(tok):
        string.normalize(step.component.normalize)
    string.split(lambda _, whole: [whole[k : k + 1] for k in range(min(_MOST_AT_START, len(whole.normalized)))])
    return sum(pair[0] == 0 for _, pair, _ in string.get_splits("original", "char"))


def text_tokens(tok: Tokenizer, text: str, cut: CutText) -> tuple[Ints, Ints]:
    """Ids of a text without what a post-processor adds, and their half-open pairs of characters of the source text."""
    strings = SegmentStrings(tok, text, cut)
    for step in pre_tokenizer_steps(tok):
        strings.pre_tokenize(step.component)
    _, _, owner = strings.pieces()
    ids, pairs, pieces = strings.tokens(model_tokenize(tok.backend.model))
    added = np.array([i for i, segment in enumerate(cut.segments) if segment.token_id is not None], np.int32)
    return with_added(cut.segments, ids, pairs, np.concatenate([owner[pieces], added]))[:2]


def with_added(
    segments: Sequence[Segment], ids: Ints, pairs: Ints, places: Ints
) -> tuple[Ints, Ints, NDArray[np.intp]]:
    """The model's tokens and the added ones in the order of the text; last, the order itself.

    Args:
        segments: of the text.
        ids: the model's.
        pairs: their half-open pairs of characters.
        places: what to sort by, for the model's tokens and then for the added ones.
    """
    added = [segment for segment in segments if segment.token_id is not None]
    order = np.argsort(places, kind="stable")
    all_ids = np.concatenate([ids, np.array([segment.token_id for segment in added], np.int32)])
    all_pairs = np.concatenate([pairs, _pairs([(segment.start, segment.end) for segment in added])])
    return all_ids[order], all_pairs[order], order
