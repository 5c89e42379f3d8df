"""From a stored piece of a vocabulary to the exact bytes that it stands for.

A vocabulary stores pieces in a spelling of its own: GPT-2's byte-level alphabet (``Ġ`` for a space),
SentencePiece's ``▁`` and ``<0x0A>``, WordPiece's ``##``. The bytes behind a piece are what the model
was trained on; half an emoji is a piece of bytes that is not text at all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from lmloupe.tokens.backend import Backend

__all__ = ["byte_level_alphabet", "piece_codec"]

_BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>")

PieceCodec = Callable[[str], bytes]


@cache
def byte_level_alphabet() -> dict[str, int]:
    """The 256 printable characters by which byte-level BPE spells the bytes 0-255.

    Bytes that print as themselves in Latin-1 keep their character; the others take the code
    points from 256 on, in order. Source: Radford et al., "Language Models are Unsupervised
    Multitask Learners" (2019), and the ``ByteLevel`` parts of the tokenizers library.

    >>> alphabet = byte_level_alphabet()
    >>> alphabet["A"], alphabet["Ġ"], len(alphabet)
    (65, 32, 256)
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    alphabet = {chr(byte): byte for byte in printable}
    others = (byte for byte in range(256) if chr(byte) not in alphabet)
    return alphabet | {chr(256 + i): byte for i, byte in enumerate(others)}


def _byte_level(piece: str) -> bytes:
    alphabet = byte_level_alphabet()
    try:
        return bytes(alphabet[char] for char in piece)
    except KeyError:
        # A piece with a character outside the alphabet was added as plain text, not spelled in bytes.
        return piece.encode()


def _sentencepiece(piece: str) -> bytes:
    match = _BYTE_TOKEN.fullmatch(piece)
    return bytes([int(match[1], 16)]) if match else piece.replace("▁", " ").encode()


def _decoder_steps(state: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
    if not state:
        return
    if state["type"] == "Sequence":
        for step in state["decoders"]:
            yield from _decoder_steps(step)
    else:
        yield state


def piece_codec(backend: Backend) -> PieceCodec:
    """The function from a stored piece to its bytes, as the tokenizer's own decoder reads it.

    Args:
        backend: of any tokenizer; its decoder names the spelling.

    Returns:
        A function from the piece (``str``) to its bytes. For a tokenizer without a decoder it
        returns the UTF-8 bytes of the piece itself.
    """
    state = json.loads(backend.decoder.__getstate__()) if backend.decoder is not None else None
    steps = {step["type"]: step for step in _decoder_steps(state)}
    if "ByteLevel" in steps:
        return _byte_level
    if "WordPiece" in steps:
        prefix: str = steps["WordPiece"]["prefix"]
        return lambda piece: piece.removeprefix(prefix).encode()
    if steps.keys() & {"Metaspace", "ByteFallback"} or getattr(backend.model, "byte_fallback", False):
        return _sentencepiece
    return str.encode
