"""Text to ids and back, with what each token covers: characters, bytes, special or not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lmloupe.errors import InvalidIdError, InvalidTextError
from lmloupe.offsets.true_offsets import encoding_offsets, uncovered
from lmloupe.tokens.panics import no_panic
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["Encoding", "TextOrIds", "Token", "check_text", "decode", "encode", "spell"]

TextOrIds: TypeAlias = str | Sequence[int] | NDArray[np.integer]
"""What a model reads: a text, which is encoded first, or ids."""


@dataclass(frozen=True, slots=True)
class Token:
    r"""One token of an encoded text.

    Attributes:
        id: row of the model's embedding matrix.
        piece: the token as the vocabulary stores it, ``Ġhello``.
        text: the characters of the source text that it covers, whole ones: every part of a split
            emoji has the emoji here. Empty for a token that the tokenizer added.
        bytes: the exact bytes that it stands for; ``b"\xa4"`` for the middle of an emoji.
        start: first character covered.
        end: character after the last one covered.
        is_special: a control token of the family, not text.
        is_added: an added token that is not special, such as Qwen3's ``<think>``: always read as one token.
    """

    id: int
    piece: str
    text: str
    bytes: bytes
    start: int
    end: int
    is_special: bool
    is_added: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Encoding:
    """An encoded text. Arrays, not objects: a text of a million tokens fits.

    Attributes:
        tokenizer: what encoded it.
        text: the source text.
        input_ids: int32 (n,), the token ids.
        offsets: int32 (n, 2), half-open pairs of characters of ``text``: every character that the token's bytes came
            from lies in it. Tokens that hold parts of one character all have that character's pair, and where a
            normalizer merged characters all of them; a token that the tokenizer added has an empty one.
        special_tokens_mask: bool (n,), True where the id is a special token.
    """

    tokenizer: Tokenizer = field(repr=False)
    text: str = field(repr=False)
    input_ids: NDArray[np.int32]
    offsets: NDArray[np.int32] = field(repr=False)
    special_tokens_mask: NDArray[np.bool_] = field(repr=False)

    def __len__(self) -> int:
        return len(self.input_ids)

    def token_bytes(self, i: int) -> bytes:
        """The exact bytes of token ``i``; together they are the bytes of the normalized text."""
        return self.tokenizer.token_bytes(int(self.input_ids[i]))

    def token(self, i: int) -> Token:
        """Token ``i`` with everything known about it."""
        token_id, (start, end) = int(self.input_ids[i]), self.offsets[i].tolist()
        return Token(
            id=token_id,
            piece=self.tokenizer.piece(token_id),
            text=self.text[start:end],
            bytes=self.tokenizer.token_bytes(token_id),
            start=start,
            end=end,
            is_special=bool(self.special_tokens_mask[i]),
            is_added=self.tokenizer.is_added(token_id),
        )

    @property
    def tokens(self) -> tuple[Token, ...]:
        """All tokens as objects; for a long text prefer the arrays and `token`."""
        return tuple(self.token(i) for i in range(len(self)))

    @property
    def added_mask(self) -> NDArray[np.bool_]:
        """Mask of the tokens that the tokenizer added, bool (n,): they stand for no character."""
        empty: NDArray[np.bool_] = self.offsets[:, 0] == self.offsets[:, 1]
        return empty & self.special_tokens_mask

    @property
    def removed(self) -> NDArray[np.int32]:
        r"""The characters of ``text`` that no token covers: int32 (k, 2), half-open pairs.

        The normalizer removed them, the pre-tokenizer dropped them, or the vocabulary cannot spell them.

        >>> from lmloupe import load_tokenizer
        >>> encode(load_tokenizer("smollm2"), "a\x16!").removed.tolist()
        [[1, 2]]
        """
        return uncovered(self.offsets, len(self.text))

    @property
    def round_trips(self) -> bool:
        """Whether decoding gives the text back, tokens that the tokenizer added left out.

        False is not an error: Qwen2 normalizes to NFC, and Phi-3 puts a space after a special token.
        """
        return decode(self.tokenizer, self.input_ids[~self.added_mask]) == self.text


def check_text(text: str) -> None:
    r"""Raise `InvalidTextError` unless the text has UTF-8 bytes.

    >>> check_text("a\ud83d")
    Traceback (most recent call last):
    lmloupe.InvalidTextError: Character 1 is U+D83D, half of a surrogate pair, which is not a character:
        remove it or paste the text again.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidTextError(
            f"Character {error.start} is U+{ord(text[error.start]):04X}, half of a surrogate pair, "
            "which is not a character: remove it or paste the text again."
        ) from error


def encode(tok: Tokenizer, text: str, add_special_tokens: bool = False, parse_special_tokens: bool = True) -> Encoding:
    """Split a text into tokens.

    Args:
        tok: from `lmloupe.load_tokenizer`.
        text: any Unicode text; NUL, right-to-left text and markup are just characters.
        add_special_tokens: let the tokenizer add what it adds by itself (Llama 3.1: a leading bos).
        parse_special_tokens: read ``<|eot_id|>`` in the text as the control token. False keeps it
            plain text, which is what a person's message should be to a chat model; it keeps added tokens plain that
            are not special too (Qwen3's ``<tool_call>``), which transformers' ``split_special_tokens`` does not.

    Returns:
        An `Encoding` with the same ids as ``tokenizers.Tokenizer.encode``.

    Raises:
        InvalidTextError: the text has a lone surrogate.
        AnswerTimeoutError: a pattern of a tokenizer that is not embedded did not end in time.
        TokenizerFailedError: the tokenizers library gave up on the text.

    >>> from lmloupe import load_tokenizer
    >>> tok = load_tokenizer("llama-3.1")
    >>> encode(tok, "Hello world").input_ids
    array([9906, 1917], dtype=int32)
    >>> [t.text for t in encode(tok, "<|eot_id|>").tokens]
    ['<|eot_id|>']
    >>> [t.text for t in encode(tok, "<|eot_id|>", parse_special_tokens=False).tokens]
    ['<', '|', 'e', 'ot', '_id', '|', '>']
    """
    check_text(text)
    backend = tok.backend if parse_special_tokens else tok.backend_plain
    with no_panic(tok.name):
        raw = backend.encode(text, add_special_tokens=add_special_tokens)
        if tok.rules.offsets_are_true:
            offsets = np.fromiter(chain.from_iterable(raw.offsets), np.int32, 2 * len(raw)).reshape(-1, 2)
        else:
            offsets = encoding_offsets(tok, text, raw, parse_special_tokens)
    input_ids = np.fromiter(raw.ids, np.int32, len(raw))
    special = np.fromiter(tok.special_tokens.values(), np.int32, len(tok.special_tokens))
    return Encoding(tok, text, input_ids, offsets, np.isin(input_ids, special))


def decode(tok: Tokenizer, ids: Iterable[int] | NDArray[np.integer]) -> str:
    """The text behind ids, special tokens spelled out.

    This can lose information: ids that end inside a character give ``�`` there; the exact bytes
    are in ``tok.token_bytes(id)``. A row of a model's matrix that no token names gives no text, as in transformers.

    Args:
        tok: from `lmloupe.load_tokenizer`, or an engine's: then any row of its matrix is an id.
        ids: integers, any iterable.

    Raises:
        InvalidIdError: an id outside the vocabulary (and the matrix); the message names the first one and its place.

    >>> from lmloupe import load_tokenizer
    >>> decode(load_tokenizer("phi-3"), [15043, 3186])
    'Hello world'
    """
    listed = [int(i) for i in ids]
    named = [token_id for place, token_id in enumerate(listed) if _named(tok, token_id, place, len(listed))]
    with no_panic(tok.name):
        return tok.backend.decode(named, skip_special_tokens=False)


def _named(tok: Tokenizer, token_id: int, place: int, n: int) -> bool:
    if tok.has(token_id):
        return True
    if 0 <= token_id < tok.matrix_rows:
        return False
    raise InvalidIdError(
        f"Id {token_id} (number {place + 1} of {n}) is not in {tok.name}'s vocabulary: "
        f"its ids go from 0 to {tok.vocab_size - 1}."
    )


def spell(tok: Tokenizer, ids: Iterable[int] | NDArray[np.integer]) -> Encoding:
    """Build the `Encoding` of exactly these ids; its text is what their bytes decode to.

    Encoding the decoded text again may give other ids: a model is free to write `` co`` + ``conut`` where the tokenizer
    would have written `` coconut``. Bytes that are not UTF-8 appear as ``�`` in the text, one for each byte. A row of a
    model's matrix that no token names covers no character.

    Args:
        tok: from `lmloupe.load_tokenizer`, or an engine's: then any row of its matrix is an id.
        ids: integers, any iterable.

    Raises:
        InvalidIdError: an id outside the vocabulary (and the matrix); the message names the first one.

    >>> from lmloupe import load_tokenizer
    >>> enc = spell(load_tokenizer("llama-3.1"), [11410, 97, 248, 0])
    >>> enc.text, enc.offsets.tolist()
    (' 🤚!', [[0, 2], [1, 2], [1, 2], [2, 3]])
    """
    listed = [int(i) for i in ids]
    raw = [tok.token_bytes(i) for i in listed]  # refuses an id before it has to fit into an array
    input_ids = np.array(listed, np.int64)
    characters = b"".join(raw).decode("utf-8", "surrogateescape")
    # An escaped byte is one surrogate; every other character takes its UTF-8 bytes.
    widths = [1 if "\udc80" <= char <= "\udcff" else len(char.encode()) for char in characters]
    of_byte = np.repeat(np.arange(len(characters)), widths)
    ends = np.cumsum([len(part) for part in raw], dtype=np.int64)
    starts = ends - np.array([len(part) for part in raw], dtype=np.int64)
    of_byte = np.append(of_byte, len(characters))  # where an id without bytes stands at the end
    filled = ends > starts
    offsets = np.stack([of_byte[starts]] * 2, axis=1).astype(np.int32)
    offsets[filled, 1] = of_byte[ends[filled] - 1] + 1
    special = np.fromiter(tok.special_tokens.values(), np.int64, len(tok.special_tokens))
    text = "".join("�" if "\udc80" <= char <= "\udcff" else char for char in characters)
    return Encoding(tok, text, input_ids.astype(np.int32), offsets, np.isin(input_ids, special))
