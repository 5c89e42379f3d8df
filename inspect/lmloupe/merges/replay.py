"""Byte-pair encoding replayed on the real vocabulary, one merge after another, every state in between at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import overload

import numpy as np
from numpy.typing import NDArray

from lmloupe.merges.table import merges_table
from lmloupe.merges.word import Merge, MissingCharacter, Word, initial_symbols, merge_symbols
from lmloupe.pipeline.pieces import PreToken
from lmloupe.pipeline.stages import stages
from lmloupe.tokens.token_bytes import piece_codec
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["MergeReplay", "MergeStep", "MergeSteps", "merge_steps", "replay_words"]

Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class MergeStep:
    """One merge.

    Attributes:
        rank: place of the pair in the list of merges: the lower, the earlier in training.
        left: left symbol, as the vocabulary stores it.
        right: right symbol.
        merged: what they become.
        position: place of the left symbol among the symbols before this step.
        index: number of the step, from 0.
        merged_id: id of what they become.
    """

    rank: int
    left: str
    right: str
    merged: str
    position: int
    index: int
    merged_id: int
    _replay: MergeReplay = field(repr=False, compare=False)

    @property
    def symbols_after(self) -> tuple[str, ...]:
        """All symbols after this step; worked out when asked for."""
        return self._replay.symbols(self.index + 1)


@dataclass(frozen=True, slots=True, eq=False)
class MergeSteps(Sequence[MergeStep]):
    """The steps of a replay, made when asked for."""

    _replay: MergeReplay = field(repr=False)

    def __len__(self) -> int:
        return len(self._replay.ranks)

    @overload
    def __getitem__(self, index: int) -> MergeStep: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[MergeStep, ...]: ...
    def __getitem__(self, index: int | slice) -> MergeStep | tuple[MergeStep, ...]:
        if isinstance(index, slice):
            return tuple(self[i] for i in range(len(self))[index])
        replay, k = self._replay, range(len(self))[index]
        left, right, merged = (
            replay.piece(int(ids[k])) for ids in (replay.left_ids, replay.right_ids, replay.made_ids)
        )
        gone = int(np.count_nonzero(replay.right_slots[:k] < replay.left_slots[k]))
        position = int(replay.left_slots[k]) - gone
        return MergeStep(int(replay.ranks[k]), left, right, merged, position, k, int(replay.made_ids[k]), replay)


@dataclass(frozen=True, slots=True, eq=False)
class MergeReplay:
    """A replay of BPE. Made by `merge_steps`.

    Every initial symbol has a slot. A merge writes its result into the left symbol's slot and closes the right one's,
    so that all states of a text of n symbols need memory for n steps, not for n lists.

    Attributes:
        tokenizer: whose merges they are.
        words: what was merged, each word by itself.
        slots_of_words: int32 (w + 1,), the slots where each word begins, and the number of slots.
        initial_ids: int32 (s,), ids of the symbols before the first merge.
        ranks: int32 (m,), rank of each merge.
        left_slots: int32 (m,), slot of each left symbol.
        right_slots: int32 (m,), slot of each right symbol.
        left_ids: int32 (m,), ids of the left symbols.
        right_ids: int32 (m,), ids of the right symbols.
        made_ids: int32 (m,), ids of what the merges made.
        short_cuts: bool (w,), words that the tokenizer took whole from the vocabulary, without a merge
            (``ignore_merges``, Llama 3.1).
        missing: characters that the vocabulary does not have, and what became of them.
    """

    tokenizer: Tokenizer = field(repr=False)
    words: tuple[Word, ...] = field(repr=False)
    slots_of_words: Ints = field(repr=False)
    initial_ids: Ints = field(repr=False)
    ranks: Ints = field(repr=False)
    left_slots: Ints = field(repr=False)
    right_slots: Ints = field(repr=False)
    left_ids: Ints = field(repr=False)
    right_ids: Ints = field(repr=False)
    made_ids: Ints = field(repr=False)
    short_cuts: NDArray[np.bool_] = field(repr=False)
    missing: tuple[MissingCharacter, ...] = field(repr=False)

    @property
    def steps(self) -> MergeSteps:
        """The merges in order, as objects made when asked for."""
        return MergeSteps(self)

    @property
    def symbols0(self) -> tuple[str, ...]:
        """The symbols before the first merge."""
        return self.symbols(0)

    @property
    def ids(self) -> Ints:
        """Token ids at the end, int32: the tokenizer's own answer."""
        return self.symbol_ids(len(self.ranks))

    @property
    def short_cut(self) -> bool:
        """Whether every word was taken whole from the vocabulary, so that there was nothing to merge."""
        return bool(len(self.words)) and bool(self.short_cuts.all())

    @property
    def by_merges(self) -> MergeReplay:
        """The replay by merges alone, no word taken whole from the vocabulary; itself where none was."""
        return replay_words(self.tokenizer, self.words, short_cut=False) if self.short_cuts.any() else self

    @property
    def short_cut_differs(self) -> bool:
        """Whether merges alone would have given other ids than the short cut did."""
        return bool(self.short_cuts.any()) and not np.array_equal(self.by_merges.ids, self.ids)

    def open_slots(self, k: int) -> Ints:
        """Slots of the symbols after ``k`` merges, int32, rising."""
        is_open = np.ones(len(self.initial_ids), np.bool_)
        is_open[self.right_slots[: self._count(k)]] = False
        return np.flatnonzero(is_open).astype(np.int32)

    def symbol_ids(self, k: int) -> Ints:
        """Ids of the symbols after ``k`` merges, int32.

        Raises:
            IndexError: there are fewer than ``k`` merges.
        """
        count = self._count(k)
        ids = self.initial_ids.copy()
        # Where one slot is written twice the later merge stays.
        ids[self.left_slots[:count]] = self.made_ids[:count]
        found: Ints = ids[self.open_slots(k)]
        return found

    def symbols(self, k: int) -> tuple[str, ...]:
        """The symbols after ``k`` merges, as the vocabulary stores them; joined they are the same string for every k.

        Raises:
            IndexError: there are fewer than ``k`` merges.
        """
        return tuple(map(self.piece, self.symbol_ids(k).tolist()))

    def symbol_bytes(self, k: int) -> tuple[bytes, ...]:
        """The exact bytes of each symbol after ``k`` merges."""
        return tuple(map(self.tokenizer.token_bytes, self.symbol_ids(k).tolist()))

    def piece(self, token_id: int) -> str:
        """A symbol as the vocabulary stores it."""
        return self.tokenizer.piece(token_id)

    def _count(self, k: int) -> int:
        return range(len(self.ranks) + 1)[k]


def merge_steps(tok: Tokenizer, piece: str | PreToken, parse_special_tokens: bool = True) -> MergeReplay:
    """Replay BPE on the real vocabulary.

    Args:
        tok: from `lmloupe.load_tokenizer`.
        piece: one pre-token as people see it, ``" coconut"``, or one of ``stages(tok, text).pieces``. A text that the
            pre-tokenizer cuts into several is replayed word after word, and no merge crosses a cut. For Phi-3, which
            cuts nothing, any text is one word.
        parse_special_tokens: read ``<|eot_id|>`` in the text as the control token, which never merges.

    Returns:
        A `MergeReplay`, whose ``ids`` are those of ``encode(tok, piece, False, parse_special_tokens)``.

    Raises:
        InvalidTextError: the text has a lone surrogate.
        NotAvailableError: the tokenizer's model is not BPE, or it has dropout.

    >>> from lmloupe import load_tokenizer
    >>> replay = merge_steps(load_tokenizer("smollm2"), " coco")
    >>> replay.symbols0
    ('Ġ', 'c', 'o', 'c', 'o')
    >>> [(step.rank, step.left, step.right, step.symbols_after) for step in replay.steps]
    [(13, 'Ġ', 'c', ('Ġc', 'o', 'c', 'o')), (154, 'o', 'c', ('Ġc', 'oc', 'o')), (8207, 'Ġc', 'oc', ('Ġcoc', 'o'))]
    """
    merges_table(tok)
    if isinstance(piece, PreToken):
        words = [Word(piece.spelled, piece.ids[0] if piece.added_token else None)]
    else:
        shown = stages(tok, piece, add_special_tokens=False, parse_special_tokens=parse_special_tokens)
        added = [segment.token_id for segment in shown.segments]
        words = [Word(shown.spelled[i], added[shown.piece_segments[i]]) for i in range(shown.n_pieces)]
    return replay_words(tok, words)


def replay_words(tok: Tokenizer, words: Sequence[Word], *, short_cut: bool = True) -> MergeReplay:
    """Replay BPE on words as the model gets them. `merge_steps` is the one for texts.

    Args:
        tok: a BPE tokenizer.
        words: each merged by itself.
        short_cut: take a word whole from the vocabulary where the tokenizer does (``ignore_merges``).

    Raises:
        NotAvailableError: the tokenizer's model is not BPE, or it has dropout.
    """
    table = merges_table(tok)
    take_whole = short_cut and table.model.ignore_merges
    spell = piece_codec(tok.backend)
    initial: list[int] = []
    sizes: list[int] = []
    whole: list[bool] = []
    steps: list[Merge] = []
    missing: list[MissingCharacter] = []
    for number, word in enumerate(words):
        known = table.model.token_to_id(word.spelled) if take_whole and word.added_id is None else None
        symbols = [known] if known is not None else [word.added_id] if word.added_id is not None else None
        whole.append(known is not None)
        if symbols is None:
            symbols, lost = initial_symbols(table, word)
            missing += [MissingCharacter(word.spelled[i], spell(word.spelled[i]), number, i, how) for i, how in lost]
            merge_symbols(table, list(symbols), len(initial), steps)
        initial += symbols
        sizes.append(len(symbols))
    ranks, left_slots, right_slots, left_ids, right_ids, made_ids = np.array(steps, np.int32).reshape(-1, 6).T
    return MergeReplay(
        tok,
        tuple(words),
        np.fromiter(accumulate(sizes, initial=0), np.int32, len(sizes) + 1),
        np.array(initial, np.int32),
        ranks,
        left_slots,
        right_slots,
        left_ids,
        right_ids,
        made_ids,
        short_cuts=np.array(whole, np.bool_),
        missing=tuple(missing),
    )
