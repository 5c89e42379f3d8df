"""Two vocabularies held against each other, by the bytes of their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lmloupe.tokens.tokenizer import Tokenizer
from lmloupe.vocabulary.counts import encode_exactly
from lmloupe.vocabulary.table import vocabulary_table

__all__ = ["Spelling", "VocabularyOverlap", "overlap", "same_text_elsewhere"]


@dataclass(frozen=True, slots=True, eq=False)
class VocabularyOverlap:
    """Which pieces two vocabularies share. A piece is a byte string; special tokens are left out.

    Attributes:
        tok_a: the first tokenizer.
        tok_b: the second.
        n_a: different pieces of the first; fewer than its tokens where two tokens are the same bytes.
        n_b: different pieces of the second.
        shared_ids: int32 (n, 2), ids of every shared piece in the two, ascending by the first.
        only_a_ids: int32, ids of the pieces that only the first has, ascending.
        only_b_ids: int32, the same for the second.
    """

    tok_a: Tokenizer = field(repr=False)
    tok_b: Tokenizer = field(repr=False)
    n_a: int
    n_b: int
    shared_ids: NDArray[np.int32] = field(repr=False)
    only_a_ids: NDArray[np.int32] = field(repr=False)
    only_b_ids: NDArray[np.int32] = field(repr=False)

    @property
    def n_shared(self) -> int:
        """Pieces that both have."""
        return len(self.shared_ids)

    @property
    def share_of_a(self) -> float:
        """Shared pieces as a share of the first vocabulary's, 0 to 1."""
        return self.n_shared / self.n_a if self.n_a else 0.0

    @property
    def share_of_b(self) -> float:
        """Shared pieces as a share of the second vocabulary's, 0 to 1."""
        return self.n_shared / self.n_b if self.n_b else 0.0

    @property
    def jaccard(self) -> float:
        """Shared pieces as a share of the pieces that either has, 0 to 1."""
        either = self.n_a + self.n_b - self.n_shared
        return self.n_shared / either if either else 1.0


def overlap(tok_a: Tokenizer, tok_b: Tokenizer) -> VocabularyOverlap:
    """Which pieces two vocabularies have in common, whatever spelling they store them in.

    ``Ġhello`` of byte-level BPE and ``▁hello`` of SentencePiece are the same piece, a space and five letters.

    >>> from lmloupe import load_tokenizer
    >>> both = overlap(load_tokenizer("phi-3"), load_tokenizer("llama-3.1"))
    >>> both.n_shared, round(both.share_of_a, 2), round(both.share_of_b, 2)
    (26599, 0.83, 0.21)
    """
    a, b = vocabulary_table(tok_a).id_of_bytes, vocabulary_table(tok_b).id_of_bytes
    shared = sorted((a[piece], b[piece]) for piece in a.keys() & b.keys())
    return VocabularyOverlap(
        tok_a=tok_a,
        tok_b=tok_b,
        n_a=len(a),
        n_b=len(b),
        shared_ids=np.array(shared, np.int32).reshape(-1, 2),
        only_a_ids=np.array(sorted(a[piece] for piece in a.keys() - b.keys()), np.int32),
        only_b_ids=np.array(sorted(b[piece] for piece in b.keys() - a.keys()), np.int32),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Spelling:
    """How another tokenizer writes the bytes of a token.

    Attributes:
        tokenizer: the other tokenizer.
        ids: int32 (n,), its ids; empty where it cannot write these bytes.
        how: ``"token"`` where one token is exactly these bytes; ``"encoded"`` where its own encoding of the text is;
            ``"bytes"`` where only its single-byte tokens can spell them, since they are not text or a text that it
            normalizes; ``"none"`` where not even these can.
    """

    tokenizer: Tokenizer = field(repr=False)
    ids: NDArray[np.int32]
    how: Literal["token", "encoded", "bytes", "none"]


def _spell(raw: bytes, special: bool, tok: Tokenizer) -> Spelling:
    def spelling(ids: Sequence[int], how: Literal["token", "encoded", "bytes", "none"]) -> Spelling:
        return Spelling(tok, np.array(ids, np.int32), how)

    if special and (same := tok.special_tokens.get(raw.decode())) is not None:
        return spelling([same], "token")
    id_of_bytes = vocabulary_table(tok).id_of_bytes
    if raw in id_of_bytes:
        return spelling([id_of_bytes[raw]], "token")
    try:
        ids = encode_exactly(tok, raw.decode())
    except UnicodeDecodeError:
        ids = None
    if ids is not None:
        return spelling(ids, "encoded")
    singles = [id_of_bytes.get(raw[i : i + 1]) for i in range(len(raw))]
    found = [i for i in singles if i is not None]
    return spelling(found, "bytes") if len(found) == len(raw) else spelling([], "none")


def same_text_elsewhere(tok_from: Tokenizer, token_id: int, others: Sequence[Tokenizer]) -> tuple[Spelling, ...]:
    """How other tokenizers write the same bytes as one token.

    Args:
        tok_from: the tokenizer of the token.
        token_id: the token.
        others: tokenizers to ask.

    Returns:
        A `Spelling` for each of the others. A special token answers with the special token of the same content where
        there is one, else with the ids of its content as plain text.

    Raises:
        InvalidIdError: no token has this id.

    >>> from lmloupe import load_tokenizer
    >>> found = same_text_elsewhere(load_tokenizer("llama-3.1"), 24748, [load_tokenizer("phi-3")])
    >>> found[0].how, found[0].ids.tolist()
    ('token', [22172])
    """
    raw = tok_from.token_bytes(token_id)
    special = token_id in tok_from.special_tokens.values()
    return tuple(_spell(raw, special, tok) for tok in others)
