"""What a vocabulary is made of, and which of its tokens no text can ever become."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lmloupe.tokens.tokenizer import Tokenizer
from lmloupe.vocabulary.table import TOKEN_KINDS, VocabularyTable, cached_per_tokenizer, vocabulary_table
from lmloupe.vocabulary.writing_systems import SCRIPT_CLASSES

__all__ = ["VocabularyStats", "encode_exactly", "unreachable_mask", "vocabulary_stats"]

_CHUNK = 4096
# SentencePiece puts a space before a text. After one of these the text stands as it is: Phi-3 has no piece with a line
# break in it, Unigram tokenizers often read one as a space, and no word begins with the quotation mark.
_ANCHORS = ("", "\n", "«")
_LONGEST = 50


@dataclass(frozen=True, slots=True, eq=False)
class VocabularyStats:
    """Counts over the n tokens of a vocabulary.

    Attributes:
        tokenizer: whose vocabulary it is.
        n_tokens: tokens, without holes between the ids.
        kinds: name of `TOKEN_KINDS` to number of tokens.
        scripts: name of `SCRIPT_CLASSES` to number of tokens, most first, special tokens and partial ones left out.
        byte_length_counts: int64 (longest + 1,), number of tokens of each length in bytes; special tokens left out.
        char_length_counts: int64 (longest + 1,), the same in characters, of tokens that are whole characters.
        longest_ids: int32, the 50 longest tokens in bytes, longest first; special tokens left out.
        unreachable_ids: int32, ascending; see `unreachable_mask`.
        n_tested: how many tokens that test was made on: kinds ``text``, ``control`` and ``added``.
    """

    tokenizer: Tokenizer = field(repr=False)
    n_tokens: int
    kinds: Mapping[str, int]
    scripts: Mapping[str, int]
    byte_length_counts: NDArray[np.int64] = field(repr=False)
    char_length_counts: NDArray[np.int64] = field(repr=False)
    longest_ids: NDArray[np.int32] = field(repr=False)
    unreachable_ids: NDArray[np.int32] = field(repr=False)
    n_tested: int

    @property
    def unreachable_share(self) -> float:
        """Unreachable tokens as a share of the tested ones, 0 to 1."""
        return len(self.unreachable_ids) / self.n_tested if self.n_tested else 0.0


def _encode_batch(tok: Tokenizer, texts: Sequence[str], *, parsed: bool = False) -> list[list[int]]:
    backend = tok.backend if parsed else tok.backend_plain
    found = backend.encode_batch_fast(list(texts), add_special_tokens=False)
    return [encoding.ids for encoding in found]


def encode_exactly(tok: Tokenizer, text: str) -> list[int] | None:
    """Ids whose bytes are those of the text and nothing more, as the tokenizer writes them inside a longer text.

    `lmloupe.encode` gives what the tokenizer gives, which for Phi-3 begins with a space of its own. Special tokens in
    the text stay plain text.

    Returns:
        The ids, or None where the tokenizer changes the text (Qwen2 normalizes to NFC) or drops bytes of it.

    >>> from lmloupe import load_tokenizer
    >>> tok = load_tokenizer("phi-3")
    >>> [tok.piece(i) for i in encode_exactly(tok, " hi")], [tok.piece(i) for i in encode_exactly(tok, "hi")]
    (['▁hi'], ['hi'])
    """
    before = _encode_batch(tok, _ANCHORS)
    after = _encode_batch(tok, [anchor + text for anchor in _ANCHORS])
    for prefix, ids in zip(before, after, strict=True):
        if ids[: len(prefix)] == prefix:
            rest = ids[len(prefix) :]
            if b"".join(map(tok.token_bytes, rest)) == text.encode():
                return rest
    return None


def _tested(table: VocabularyTable) -> NDArray[np.bool_]:
    names = ("text", "control", "added")
    tested: NDArray[np.bool_] = np.isin(table.kinds, [TOKEN_KINDS.index(name) for name in names])
    # WordPiece's ##ing has the text of its ing, and is never written at the beginning of a word.
    decoder = table.tokenizer.backend.decoder
    state = json.loads(decoder.__getstate__()) if decoder is not None else {}
    if state.get("type") == "WordPiece":
        prefix: str = state["prefix"]
        tested &= [not table.tokenizer.piece(i).startswith(prefix) for i in table.ids.tolist()]
    return tested & (table.byte_lengths > 0)


@cached_per_tokenizer
def unreachable_mask(tok: Tokenizer) -> NDArray[np.bool_]:
    r"""Which tokens no text becomes: decode the token, encode that text, and it does not come back.

    A token is reachable when its text, encoded as plain text (added tokens are parsed), is that one id, either alone or
    after a line break or a ``«`` (``encode("\n" + text) == encode("\n") + [id]``; Phi-3 puts a space before a text, so
    there a token without a leading space shows up only inside one). Tested are tokens that are whole characters;
    special tokens, byte tokens, parts of characters and WordPiece's ``##ing`` are False here.

    Unreachable tokens come from a vocabulary that was trained with other rules than it is used with; a model trained on
    texts so encoded never saw them. Qwen2's come from its NFC and from a pattern that cuts before the vowel signs of
    Thai and others.

    Source: Land & Bartolo, "Fishing for Magikarp" (2024), its "unreachable" tokens.

    Returns:
        bool (n,), in the order of `vocabulary_table(tok).ids`.

    >>> from lmloupe import load_tokenizer
    >>> int(unreachable_mask(load_tokenizer("phi-3")).sum()), int(unreachable_mask(load_tokenizer("qwen2")).sum())
    (0, 1909)
    """
    table = vocabulary_table(tok)
    mask = np.zeros(len(table), np.bool_)
    before = _encode_batch(tok, _ANCHORS)
    tested, added = _tested(table), table.kinds == TOKEN_KINDS.index("added")
    for parsed, rows in ((False, np.flatnonzero(tested & ~added)), (True, np.flatnonzero(tested & added))):
        for start in range(0, len(rows), _CHUNK):
            left = rows[start : start + _CHUNK]
            for anchor, prefix in zip(_ANCHORS, before, strict=True):
                texts = [anchor + table.token_bytes[row].decode() for row in left]
                encoded = _encode_batch(tok, texts, parsed=parsed)
                missed = [ids != [*prefix, table.ids[row]] for row, ids in zip(left, encoded, strict=True)]
                left = left[missed]
            mask[left] = True
    return mask


@cached_per_tokenizer
def vocabulary_stats(tok: Tokenizer) -> VocabularyStats:
    """Count a vocabulary by kind, script and length, and find what no text reaches.

    Takes some seconds for 150,000 tokens the first time (every token is encoded); the last eight tokenizers are
    remembered.

    >>> from lmloupe import load_tokenizer
    >>> stats = vocabulary_stats(load_tokenizer("starcoder2"))
    >>> stats.n_tokens, stats.kinds["special"], stats.kinds["partial"]
    (49152, 38, 676)
    """
    table = vocabulary_table(tok)
    text_like = table.kinds != TOKEN_KINDS.index("special")
    kinds = np.bincount(table.kinds, minlength=len(TOKEN_KINDS)).tolist()
    scripts = np.bincount(table.scripts[text_like & (table.scripts > 0)], minlength=len(SCRIPT_CLASSES)).tolist()
    named = sorted(zip(SCRIPT_CLASSES, scripts, strict=True), key=lambda pair: -pair[1])
    rows = np.flatnonzero(text_like)
    longest = rows[np.argsort(-table.byte_lengths[rows], kind="stable")[:_LONGEST]]
    return VocabularyStats(
        tokenizer=tok,
        n_tokens=len(table),
        kinds=dict(zip(TOKEN_KINDS, kinds, strict=True)),
        scripts={name: count for name, count in named if count},
        byte_length_counts=np.bincount(table.byte_lengths[text_like]),
        char_length_counts=np.bincount(table.char_lengths[text_like & (table.char_lengths >= 0)]),
        longest_ids=table.ids[longest],
        unreachable_ids=table.ids[unreachable_mask(tok)],
        n_tested=int(_tested(table).sum()),
    )
