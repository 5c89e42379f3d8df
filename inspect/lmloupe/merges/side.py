"""One tokenizer's merges of a word as a tree over the word's own bytes, so that two trees can be laid side by side."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from lmloupe.merges.replay import MergeReplay, replay_words
from lmloupe.merges.word import MissingCharacter, Word
from lmloupe.pipeline.stages import stages
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["MergeNode", "MergeSide", "Span", "merge_side", "spelling"]

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class MergeNode:
    """One merge as a node of the tree. Places are bytes of the word; a space that the tokenizer put in front is at -1.

    Attributes:
        start: first byte.
        middle: first byte of the right part.
        end: byte after the last.
        rank: place of the merge in the list of merges: the lower, the earlier in training.
        step: number of the merge in this word, from 1.
        token_id: id of what the two parts became.
        left_id, right_id: ids of the parts.
    """

    start: int
    middle: int
    end: int
    rank: int
    step: int
    token_id: int
    left_id: int
    right_id: int

    @property
    def span(self) -> Span:
        """The bytes of the word that it covers, without a space in front that is not of the word."""
        return max(0, self.start), self.end


@dataclass(frozen=True, slots=True, eq=False)
class MergeSide:
    """What one tokenizer makes of the word. Made by `merge_side`.

    Attributes:
        tokenizer: whose merges they are.
        spelled: the bytes that are merged: those of the word, with what the tokenizer put in front.
        in_front: how many bytes it put in front: 1 where it begins every text with a space, else 0.
        aligned: whether ``spelled`` is the word itself, so that places in it are places of the word.
        symbols: places of the symbols before the first merge.
        symbol_ids: their ids.
        nodes: the merges in order; empty where the tokenizer's model merges no pairs.
        tokens: places of the tokens at the end; empty where they cannot be laid over ``spelled``.
        token_ids: ids of the tokens at the end, the tokenizer's own answer.
        cuts: places at which the pre-tokenizer cut, so that no merge crosses them.
        fallback: ids of symbols that stand for one byte of a character that the vocabulary lacks.
        missing: characters of the word that the vocabulary does not have, and what became of them.
        takes_whole: it took the word from the vocabulary without a merge (``ignore_merges``); ``nodes`` are then the
            merges that were not needed.
        takes_other: ... and merges alone would have given other tokens.
        without_merges: the kind of its model where that merges no pairs, ``"WordPiece"``, else empty.
    """

    tokenizer: Tokenizer = field(repr=False)
    spelled: bytes
    in_front: int
    aligned: bool
    symbols: tuple[Span, ...]
    symbol_ids: tuple[int, ...]
    nodes: tuple[MergeNode, ...]
    tokens: tuple[Span, ...]
    token_ids: tuple[int, ...]
    cuts: tuple[int, ...]
    fallback: frozenset[int]
    missing: tuple[MissingCharacter, ...]
    takes_whole: bool
    takes_other: bool
    without_merges: str

    def spell(self, start: int, end: int) -> str:
        """What is merged at these places, as people read it: white space as signs, parts of characters as bytes."""
        return spelling(self.spelled[start + self.in_front : end + self.in_front])


def spelling(raw: bytes) -> str:
    r"""Bytes as people read them: white space as signs, what is not a whole character in hexadecimal.

    >>> spelling(b" con"), spelling(b"\xf0\x9f")
    ('␣con', '⟨f0 9f⟩')
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return f"⟨{raw.hex(' ')}⟩"
    shown = text.translate(str.maketrans(" \n\t\r", "␣⏎⇥␍"))
    return "".join(char if char.isprintable() else f"⟨U+{ord(char):04X}⟩" for char in shown)


def merge_side(tok: Tokenizer, word: str, *, at_start: bool = True) -> MergeSide:
    """The merges of one word by one tokenizer, placed over the word's bytes.

    Args:
        tok: any tokenizer; one whose model merges no pairs has no nodes.
        word: as people see it, ``" coconut"``.
        at_start: the word begins the text; else a space that the tokenizer puts in front of texts is left out.

    Raises:
        InvalidTextError: the word has a lone surrogate.
        NotAvailableError: the tokenizer drops merges at random.
    """
    kind = tok.rules.model_kind
    if kind != "BPE":
        ids = tuple(int(i) for i in tok.backend.encode(word, add_special_tokens=False).ids)
        return _placed(tok, word, None, ids, kind)
    shown = stages(tok, word, add_special_tokens=False, parse_special_tokens=False)
    words = [Word(shown.spelled[i]) for i in range(shown.n_pieces)]
    replay = replay_words(tok, words)
    if not at_start and words and _joined(tok, replay.by_merges.initial_ids) == b" " + word.encode():
        first = Word(words[0].spelled[1:])
        replay = replay_words(tok, [first, *words[1:]] if first.spelled else words[1:])
    return _placed(tok, word, replay, tuple(replay.ids.tolist()), "")


def _joined(tok: Tokenizer, ids: np.ndarray) -> bytes:
    return b"".join(map(tok.token_bytes, ids.tolist()))


def _placed(tok: Tokenizer, word: str, replay: MergeReplay | None, ids: tuple[int, ...], without: str) -> MergeSide:
    merges = None if replay is None else replay.by_merges
    symbol_ids = ids if merges is None else tuple(merges.initial_ids.tolist())
    parts = [tok.token_bytes(i) for i in symbol_ids]
    spelled, own = b"".join(parts), word.encode()
    in_front = int(spelled == b" " + own)
    symbols = _spans(parts, -in_front)
    nodes, cuts = ((), ()) if merges is None else (_nodes(merges, symbols), _cuts(merges, symbols))
    tokens = [tok.token_bytes(i) for i in ids]
    model = tok.backend.model if merges is not None else None
    fallback = bool(model is not None and model.byte_fallback)
    return MergeSide(
        tokenizer=tok,
        spelled=spelled,
        in_front=in_front,
        aligned=spelled in (own, b" " + own),
        symbols=symbols,
        symbol_ids=symbol_ids,
        nodes=nodes,
        tokens=_spans(tokens, -in_front) if b"".join(tokens) == spelled else (),
        token_ids=ids,
        cuts=cuts,
        fallback=frozenset(i for i in symbol_ids if fallback and _is_byte(tok.piece(i))),
        missing=() if merges is None else merges.missing,
        takes_whole=replay is not None and replay.short_cut,
        takes_other=replay is not None and replay.short_cut_differs,
        without_merges=without,
    )


def _is_byte(piece: str) -> bool:
    return len(piece) == 6 and piece.startswith("<0x")


def _spans(parts: list[bytes], first: int) -> tuple[Span, ...]:
    ends = np.cumsum([0, *map(len, parts)]) + first
    return tuple(pairwise(ends.tolist()))


def _nodes(replay: MergeReplay, symbols: tuple[Span, ...]) -> tuple[MergeNode, ...]:
    """A slot keeps the place of its first symbol, and its end moves as it swallows its neighbours."""
    spans = list(symbols)
    columns = (replay.left_slots, replay.right_slots, replay.ranks, replay.made_ids, replay.left_ids, replay.right_ids)
    nodes = []
    for step, (left, right, rank, made, *parts) in enumerate(zip(*(c.tolist() for c in columns), strict=True), 1):
        (start, middle), (_, end) = spans[left], spans[right]
        spans[left] = start, end
        nodes.append(MergeNode(start, middle, end, rank, step, made, *parts))
    return tuple(nodes)


def _cuts(replay: MergeReplay, symbols: tuple[Span, ...]) -> tuple[int, ...]:
    first = symbols[0][0] if symbols else 0
    slots = [slot for slot in replay.slots_of_words.tolist() if slot < len(symbols)]
    return tuple(symbols[slot][0] for slot in slots if symbols[slot][0] > first)
