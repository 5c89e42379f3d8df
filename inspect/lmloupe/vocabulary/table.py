"""The whole vocabulary of a tokenizer as arrays: what each token is, how long, in which script."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, wraps
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from lmloupe.errors import InvalidIdError
from lmloupe.tokens.per_tokenizer import PerTokenizer
from lmloupe.tokens.token_bytes import piece_codec
from lmloupe.tokens.tokenizer import Tokenizer
from lmloupe.vocabulary.writing_systems import SCRIPT_CLASSES, token_scripts

__all__ = ["TOKEN_KINDS", "VocabularyTable", "cached_per_tokenizer", "vocabulary_table"]

TOKEN_KINDS: tuple[str, ...] = ("text", "control", "partial", "byte", "added", "special")
"""What a token is, as `VocabularyTable.kinds` numbers it.

- ``text``: whole characters.
- ``control``: whole characters, among them a control character (category Cc) that is not white space, such as NUL.
- ``partial``: bytes that are not UTF-8 by themselves: a part of a character, or a character and a part of the next.
- ``byte``: one byte. The 256 byte fallbacks ``<0x41>`` of SentencePiece; in byte-level BPE the bytes from 0x80 on,
  which are not a character alone.
- ``added``: put beside the trained vocabulary, but no control token.
- ``special``: a control token of the family, such as ``<|eot_id|>``.
"""

_TEXT, _CONTROL, _PARTIAL, _BYTE, _ADDED, _SPECIAL = range(6)
_BYTE_FALLBACK = re.compile(r"<0x[0-9A-Fa-f]{2}>")
_CONTROL_CHARACTER = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")

T = TypeVar("T")


def cached_per_tokenizer(compute: Callable[[Tokenizer], T]) -> Callable[[Tokenizer], T]:
    """`PerTokenizer` as a decorator, which keeps the function's name and documentation."""
    kept = PerTokenizer(compute)

    @wraps(compute)
    def remembered(tok: Tokenizer) -> T:
        return kept(tok)

    return remembered


@dataclass(frozen=True, eq=False)
class VocabularyTable:
    """All n tokens of a vocabulary, in the order of their ids. Rows and ids differ where the vocabulary has holes.

    Attributes:
        tokenizer: whose vocabulary it is.
        ids: int32 (n,), ascending.
        token_bytes: n byte strings, exact.
        byte_lengths: int32 (n,), bytes.
        char_lengths: int32 (n,), characters; -1 where the bytes are not UTF-8.
        kinds: uint8 (n,), indices in `TOKEN_KINDS`.
        scripts: uint8 (n,), indices in `SCRIPT_CLASSES`; ``None`` for special tokens and for parts of characters.
    """

    tokenizer: Tokenizer
    ids: NDArray[np.int32] = field(repr=False)
    token_bytes: tuple[bytes, ...] = field(repr=False)
    byte_lengths: NDArray[np.int32] = field(repr=False)
    char_lengths: NDArray[np.int32] = field(repr=False)
    kinds: NDArray[np.uint8] = field(repr=False)
    scripts: NDArray[np.uint8] = field(repr=False)

    def __len__(self) -> int:
        return len(self.ids)

    def row(self, token_id: int) -> int:
        """The row of an id.

        Raises:
            InvalidIdError: no token has this id.
        """
        row = int(np.searchsorted(self.ids, token_id))
        if row == len(self.ids) or self.ids[row] != token_id:
            raise InvalidIdError(
                f"There is no token {token_id} in {self.tokenizer.name}: "
                f"its ids go from 0 to {self.tokenizer.vocab_size - 1}."
            )
        return row

    def kind(self, token_id: int) -> str:
        """The kind of a token by its id, a name of `TOKEN_KINDS`.

        Raises:
            InvalidIdError: no token has this id.
        """
        return TOKEN_KINDS[int(self.kinds[self.row(token_id)])]

    def script(self, token_id: int) -> str:
        """The script class of a token by its id, a name of `SCRIPT_CLASSES`.

        Raises:
            InvalidIdError: no token has this id.
        """
        return SCRIPT_CLASSES[int(self.scripts[self.row(token_id)])]

    @cached_property
    def id_of_bytes(self) -> dict[bytes, int]:
        """Bytes to id of every token that is not special.

        Where two tokens are the same bytes (Phi-3 has ``A`` and ``<0x41>``), the one that text is made of.
        """
        order = np.argsort(self.kinds, kind="stable")[::-1]
        return {self.token_bytes[row]: int(self.ids[row]) for row in order if self.kinds[row] != _SPECIAL}


def _decoded(token_bytes: bytes) -> str | None:
    try:
        return token_bytes.decode()
    except UnicodeDecodeError:
        return None


@cached_per_tokenizer
def vocabulary_table(tok: Tokenizer) -> VocabularyTable:
    r"""Everything about every token of a vocabulary, as arrays; the last eight tokenizers are remembered.

    Args:
        tok: from `lmloupe.load_tokenizer`.

    Returns:
        A `VocabularyTable`.

    >>> from lmloupe import load_tokenizer
    >>> table = vocabulary_table(load_tokenizer("llama-3.1"))
    >>> len(table), table.token_bytes[11410], table.kind(11410), table.char_lengths[11410]
    (128256, b' \xf0\x9f', 'partial', np.int32(-1))
    >>> table.kind(128009), table.kind(24748), table.script(24748)
    ('special', 'text', 'Latin')
    """
    added = tok.backend.get_added_tokens_decoder()
    pieces = {i: piece for piece, i in tok.backend.get_vocab().items()}
    ids = sorted(pieces.keys() | added.keys())
    codec = piece_codec(tok.backend)
    token_bytes = tuple(added[i].content.encode() if i in added else codec(pieces[i]) for i in ids)
    texts = [_decoded(raw) for raw in token_bytes]
    kinds = np.zeros(len(ids), np.uint8)
    for row, (i, raw, text) in enumerate(zip(ids, token_bytes, texts, strict=True)):
        if i in added:
            kinds[row] = _SPECIAL if added[i].special else _ADDED
        elif text is None:
            kinds[row] = _PARTIAL if len(raw) > 1 else _BYTE
        elif len(raw) == 1 and _BYTE_FALLBACK.fullmatch(pieces[i]):
            kinds[row] = _BYTE
        elif _CONTROL_CHARACTER.search(text):
            kinds[row] = _CONTROL
    scripts = token_scripts(["" if text is None else text for text in texts])
    scripts[kinds == _SPECIAL] = 0
    n = len(ids)
    return VocabularyTable(
        tokenizer=tok,
        ids=np.array(ids, np.int32),
        token_bytes=token_bytes,
        byte_lengths=np.fromiter(map(len, token_bytes), np.int32, n),
        char_lengths=np.fromiter((-1 if text is None else len(text) for text in texts), np.int32, n),
        kinds=kinds,
        scripts=scripts,
    )
