"""Byte-pair encoding of one word: the symbols that it starts from, and the merges.

The order is that of the tokenizers library: of all neighbours that merge, the pair of lowest rank first, and of equal
ones the leftmost. Source: Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units" (2016).
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Literal

from lmloupe.merges.table import MergesTable

__all__ = ["Became", "Merge", "MissingCharacter", "Word", "initial_symbols", "merge_symbols"]

Became = Literal["bytes", "unknown", "nothing"]

# Rank, left slot, right slot, left id, right id, id of what they become.
Merge = tuple[int, int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class MissingCharacter:
    r"""A character of a word that the vocabulary does not have.

    Attributes:
        character: the character as the model gets it.
        bytes: the bytes that it stands for: one for a byte-level tokenizer, else those of UTF-8.
        word: number of the word.
        index: its place in the word, in characters.
        became: ``"bytes"``: one token ``<0xF0>`` for each byte (byte fallback); ``"unknown"``: the unknown token;
            ``"nothing"``: dropped without a trace.
    """

    character: str
    bytes: bytes
    word: int
    index: int
    became: Became


@dataclass(frozen=True, slots=True)
class Word:
    """What is merged by itself: a piece that the pre-tokenizer cut, or an added token, which never merges.

    Attributes:
        spelled: the word as the model gets it.
        added_id: id of the added token, None for text.
        is_first: False keeps the prefix of inner pieces (``continuing_subword_prefix``) on the first symbol.
        is_last: False keeps the end mark (``end_of_word_suffix``) off the last symbol.
    """

    spelled: str
    added_id: int | None = None
    is_first: bool = True
    is_last: bool = True


def initial_symbols(table: MergesTable, word: Word) -> tuple[list[int], list[tuple[int, Became]]]:
    """The ids that a word starts from, and the characters that the vocabulary does not have."""
    model = table.model
    prefix, suffix = model.continuing_subword_prefix or "", model.end_of_word_suffix or ""
    unknown = model.token_to_id(model.unk_token) if model.unk_token is not None else None
    symbols: list[int] = []
    lost: list[tuple[int, Became]] = []
    # The library holds an unknown token back until a known character follows, so that several can become one.
    held = False
    last = len(word.spelled) - 1
    for i, char in enumerate(word.spelled):
        piece = ("" if i == 0 and word.is_first else prefix) + char + (suffix if i == last and word.is_last else "")
        token_id = model.token_to_id(piece)
        if token_id is not None:
            symbols += [unknown, token_id] if held and unknown is not None else [token_id]
            held = False
            continue
        codes = [model.token_to_id(f"<0x{byte:02X}>") for byte in piece.encode()] if model.byte_fallback else [None]
        spelled = [code for code in codes if code is not None]
        if len(spelled) == len(codes):
            symbols += spelled
            lost.append((i, "bytes"))
        elif unknown is not None:
            symbols += [unknown] if held and not model.fuse_unk else []
            held = True
            lost.append((i, "unknown"))
        else:
            lost.append((i, "nothing"))
    return ([*symbols, unknown] if held and unknown is not None else symbols), lost


def merge_symbols(table: MergesTable, ids: list[int], offset: int, steps: list[Merge]) -> None:
    """Merge until nothing merges; append rank, left slot, right slot, left id, right id, made id of each merge."""
    n = len(ids)
    following = [*range(1, n), -1]
    preceding = list(range(-1, n - 1))
    gone = bytearray(n)
    queue: list[tuple[int, int, int]] = []
    for i in range(n - 1):
        if (merge := table.find(ids[i], ids[i + 1])) is not None:
            queue.append((merge[0], i, merge[1]))
    heapify(queue)
    while queue:
        _, left, made = heappop(queue)
        right = following[left]
        if gone[left] or right == -1:
            continue
        now = table.find(ids[left], ids[right])
        # The entry is out of date where one of the two has merged with another neighbour since.
        if now is None or now[1] != made:
            continue
        steps.append((now[0], offset + left, offset + right, ids[left], ids[right], made))
        ids[left] = made
        gone[right] = 1
        after = following[left] = following[right]
        if after != -1:
            preceding[after] = left
            if (merge := table.find(made, ids[after])) is not None:
                heappush(queue, (merge[0], left, merge[1]))
        before = preceding[left]
        if before != -1 and (merge := table.find(ids[before], made)) is not None:
            heappush(queue, (merge[0], before, merge[1]))
