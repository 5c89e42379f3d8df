"""Where in the UTF-8 of a text a token's bytes lie, and which bytes of a character are its own."""

from __future__ import annotations

from dataclasses import dataclass

from lmloupe.encodings.encoding import Encoding

__all__ = ["BytePlace", "CharacterPart", "byte_place", "tokens_sharing"]


@dataclass(frozen=True, slots=True)
class CharacterPart:
    """A character of which a token holds some bytes and not all.

    Attributes:
        character: the character.
        index: its place in the text, in characters.
        start: the first of its bytes that is the token's, from 0.
        end: the byte after the last one.
    """

    character: str
    index: int
    start: int
    end: int

    @property
    def bytes(self) -> bytes:
        """The bytes of the character that are the token's."""
        return self.character.encode()[self.start : self.end]


@dataclass(frozen=True, slots=True)
class BytePlace:
    """The bytes of the text that a token stands for.

    Attributes:
        start: first byte in the text's UTF-8.
        end: byte after the last one; equal to ``start`` for a token that stands for no text.
        exact: whether the text has the token's own bytes there. False where a normalizer changed the text or bytes were
            dropped: then the pair is that of the whole characters that the token was made from.
        parts: characters that the token holds a part of, at most one at each end; empty where not ``exact``.
    """

    start: int
    end: int
    exact: bool
    parts: tuple[CharacterPart, ...]


def tokens_sharing(enc: Encoding, i: int) -> range:
    """Tokens that lie beside each other and share characters with each other, token ``i`` among them.

    >>> from lmloupe.encodings.encoding import encode
    >>> from lmloupe import load_tokenizer
    >>> tokens_sharing(encode(load_tokenizer("llama-3.1"), "Hi 🤚!"), 2)
    range(1, 4)
    """
    first = last = range(len(enc))[i]
    while first > 0 and _overlap(enc, first - 1, first):
        first -= 1
    while last + 1 < len(enc) and _overlap(enc, last, last + 1):
        last += 1
    return range(first, last + 1)


def _overlap(enc: Encoding, before: int, after: int) -> bool:
    (a0, a1), (b0, b1) = enc.offsets[before].tolist(), enc.offsets[after].tolist()
    return bool(max(a0, b0) < min(a1, b1))


def byte_place(enc: Encoding, i: int) -> BytePlace:
    """Where the bytes of token ``i`` lie in the text's UTF-8.

    Args:
        enc: from `lmloupe.encode`.
        i: number of the token.

    >>> from lmloupe.encodings.encoding import encode
    >>> from lmloupe import load_tokenizer
    >>> enc = encode(load_tokenizer("llama-3.1"), " 🤚")
    >>> for i in range(3):
    ...     place = byte_place(enc, i)
    ...     print(enc.token_bytes(i).hex(" "), place.start, place.end, [part.bytes.hex(" ") for part in place.parts])
    20 f0 9f 0 3 ['f0 9f']
    a4 3 4 ['a4']
    9a 4 5 ['9a']
    """
    start, end = enc.offsets[i].tolist()
    first = len(enc.text[:start].encode())
    whole = BytePlace(first, first + len(enc.text[start:end].encode()), False, ())
    group = tokens_sharing(enc, i)
    pieces = [enc.token_bytes(k) for k in group]
    begin = enc.offsets[group.start, 0]
    covered = enc.text[begin : enc.offsets[group.start : group.stop, 1].max()].encode()
    if start == end or b"".join(pieces) != covered:
        return whole
    at = len(enc.text[:begin].encode()) + sum(map(len, pieces[: group.index(i)]))
    own = at, at + len(pieces[group.index(i)])
    return BytePlace(*own, True, _parts(enc.text, range(start, end), first, own))


def _parts(text: str, characters: range, first: int, own: tuple[int, int]) -> tuple[CharacterPart, ...]:
    parts = []
    for index in characters:
        size = len(text[index].encode())
        start, end = max(own[0], first), min(own[1], first + size)
        if start < end and end - start < size:
            parts.append(CharacterPart(text[index], index, start - first, end - first))
        first += size
    return tuple(parts)
