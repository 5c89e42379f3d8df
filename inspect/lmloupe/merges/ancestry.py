"""How a piece of the vocabulary came to be: which two pieces merged into it, and which into those."""

from __future__ import annotations

from dataclasses import dataclass

from lmloupe.merges.replay import replay_words
from lmloupe.merges.table import merges_table
from lmloupe.merges.word import Word
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["MergeTree", "ancestry"]


@dataclass(frozen=True, slots=True, eq=False)
class MergeTree:
    """A piece and the pieces that it was merged from.

    Attributes:
        token_id: its id.
        piece: as the vocabulary stores it.
        rank: rank of the merge that made it, None where no merge did.
        parts: the two pieces that were merged; empty for a symbol that BPE starts from and for an added token.
            Where ``rank`` is None and there are parts, merges come no further than these: text never becomes
            this token by merging.
    """

    token_id: int
    piece: str
    rank: int | None
    parts: tuple[MergeTree, ...]

    @property
    def reachable(self) -> bool:
        """Whether merges of its own symbols end at this piece."""
        return self.rank is not None or not self.parts


def ancestry(tok: Tokenizer, token_id: int) -> MergeTree:
    """The merges that lead to one piece of the vocabulary, by replaying BPE on the piece alone.

    Args:
        tok: a BPE tokenizer.
        token_id: any id of its vocabulary.

    Raises:
        InvalidIdError: no token has this id.
        NotAvailableError: the tokenizer's model is not BPE, or it has dropout.

    >>> from lmloupe import load_tokenizer
    >>> tok = load_tokenizer("smollm2")
    >>> tree = ancestry(tok, tok.backend.token_to_id("Ġco"))
    >>> tree.rank, [(part.piece, part.rank) for part in tree.parts]
    (605, [('Ġc', 13), ('o', None)])
    """
    model = merges_table(tok).model
    piece = tok.piece(token_id)
    leaf = MergeTree(token_id, piece, None, ())
    is_byte = model.byte_fallback and len(piece) == 6 and piece.startswith("<0x")
    if token_id in tok.backend.get_added_tokens_decoder() or is_byte or len(piece) == 1:
        return leaf
    prefix, suffix = model.continuing_subword_prefix or "", model.end_of_word_suffix or ""
    inner = bool(prefix) and piece.startswith(prefix)
    ends = not suffix or piece.endswith(suffix)
    word = Word(piece.removeprefix(prefix).removesuffix(suffix), None, is_first=not inner, is_last=ends)
    replay = replay_words(tok, [word], short_cut=False)
    nodes = [MergeTree(i, tok.piece(i), None, ()) for i in replay.initial_ids.tolist()]
    columns = (replay.ranks, replay.left_slots, replay.right_slots, replay.made_ids)
    for rank, left, right, made in zip(*(column.tolist() for column in columns), strict=True):
        nodes[left] = MergeTree(made, tok.piece(made), rank, (nodes[left], nodes[right]))
    ends_at: tuple[MergeTree, ...] = tuple(nodes[slot] for slot in replay.open_slots(len(replay.ranks)).tolist())
    if len(ends_at) == 1 and ends_at[0].token_id == token_id:
        return ends_at[0]
    return MergeTree(token_id, piece, None, ends_at)
