"""Tokens as boxes, one after another: what each one shows, and what an engine that holds text back has shown by then.

A token may hold a part of a character. Its box shows bytes until the token comes that completes it; then the boxes form
one character together. Whether the next byte can still belong to it is what Python's own decoder of UTF-8 says.
"""

from __future__ import annotations

import codecs
import math
from dataclasses import dataclass

import lmloupe as lm
from ui.base.chips import unnamed_row
from ui.components.stream_view import StreamToken

__all__ = ["Box", "Boxes"]

_Decoder = codecs.getincrementaldecoder("utf-8")


@dataclass(frozen=True, slots=True)
class Box:
    """One token.

    Attributes:
        raw: its bytes.
        text: what is written into it; None where its bytes are no whole characters by themselves.
        joins: it begins inside a character of the token before.
        special: it is a special token, which engines leave out of the text.
        adds: the whole characters that are there with it and were not before; U+FFFD for what became none.
        held: how many bytes at its end are not whole characters yet.
    """

    raw: bytes
    text: str | None
    joins: bool
    special: bool
    adds: str
    held: int


class Boxes:
    """The boxes of a text that grows token by token.

    Args:
        tok: the model's tokenizer.

    Attributes:
        shown: what an engine that holds text back has shown: whole characters, without special tokens.

    >>> from lmloupe import load_tokenizer
    >>> boxes = Boxes(load_tokenizer("llama-3.1"))
    >>> [(box.text, box.raw.hex(" "), box.joins, box.adds, box.held) for box in map(boxes.add, (11410, 97, 248))]
    [(None, '20 f0 9f', False, ' ', 2), (None, 'a4', True, '', 3), (None, '9a', True, '🤚', 0)]
    >>> boxes.shown
    ' 🤚'
    """

    def __init__(self, tok: lm.Tokenizer) -> None:
        self._tok = tok
        self._special = frozenset(tok.special_tokens.values())
        self._decoder = _Decoder("replace")
        self.shown = ""

    @property
    def pending(self) -> bytes:
        """The bytes of a character that is not whole yet."""
        return self._decoder.getstate()[0]

    def token(self, token_id: int, log_prob: float, elapsed_s: float = 0.0) -> StreamToken:
        """A further token as the view of a reply draws it, `add` of which is its box."""
        box = self.add(token_id)
        special = box.special or not box.raw
        p = math.exp(min(0.0, log_prob))
        return StreamToken(box.raw, box.text, box.joins, special, box.adds, box.held, p, elapsed_s)

    def add(self, token_id: int) -> Box:
        """The next token's box."""
        raw, before = self._tok.token_bytes(token_id), self.pending
        if token_id in self._special:
            adds = self._decoder.decode(b"", final=True)
            box = Box(raw, raw.decode("utf-8", "replace"), joins=False, special=True, adds=adds, held=0)
        else:
            text = _whole(raw) if raw or self._tok.has(token_id) else unnamed_row(token_id)
            joins = bool(before) and _goes_on(before, raw)
            adds = self._decoder.decode(raw)
            box = Box(raw, None if joins else text, joins, special=False, adds=adds, held=len(self.pending))
        self.shown += box.adds
        return box


def _whole(raw: bytes) -> str | None:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


def _goes_on(pending: bytes, raw: bytes) -> bool:
    """Whether bytes that follow the beginning of a character can belong to it."""
    decoder = _Decoder("strict")
    try:
        decoder.decode(pending + raw[:1])
    except UnicodeDecodeError:
        return False
    return True
