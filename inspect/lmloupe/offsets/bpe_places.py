"""Where in a piece the tokens of a BPE model lie, for pieces in which the library counts wrongly.

It adds up the lengths of the symbols that a piece starts from. That is wrong where a character was dropped because the
vocabulary lacks it, and where a character that falls back to bytes carries a mark of the word's end or inside, whose
bytes become tokens as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from tokenizers import Token

from lmloupe.tokens.token_bytes import byte_level_alphabet

__all__ = ["lacking_bytes", "model_tokenize"]

# Length that the library counts, and the half-open pair of bytes of the piece that it is.
_Symbol = tuple[int, int, int]


def lacking_bytes(model: Any, is_byte_level: bool) -> bytes | None:
    """The bytes that a model drops without a token, which misplaces what is behind them in the piece.

    Returns:
        Empty for a model whose offsets are right; None where they may be wrong for other reasons, for any text.
    """
    if type(model).__name__ != "BPE":
        return b""
    marked = bool(model.continuing_subword_prefix or model.end_of_word_suffix)
    if model.byte_fallback:
        whole = all(model.token_to_id(f"<0x{byte:02X}>") is not None for byte in range(256))
        return b"" if whole and not marked else None
    if model.unk_token is not None:
        return b""
    if marked or not is_byte_level:
        return None
    return bytes(byte for char, byte in byte_level_alphabet().items() if model.token_to_id(char) is None)


def model_tokenize(model: Any) -> Callable[[str], list[Token]]:
    """The model's ``tokenize``, with offsets that are those of the characters."""
    if type(model).__name__ != "BPE":
        tokenize: Callable[[str], list[Token]] = model.tokenize
        return tokenize
    known: dict[str, bool] = {}

    def has(piece: str) -> bool:
        if piece not in known:
            known[piece] = model.token_to_id(piece) is not None
        return known[piece]

    def placed(piece: str) -> list[Token]:
        tokens: list[Token] = model.tokenize(piece)
        inner, last = model.continuing_subword_prefix or "", model.end_of_word_suffix or ""
        if not inner and not last and all(map(has, piece)):
            return tokens
        if model.ignore_merges and has(piece):
            return tokens
        return _placed(tokens, _symbols(model, has, piece, inner, last))

    return placed


def _symbols(model: Any, has: Callable[[str], bool], piece: str, inner: str, last: str) -> list[_Symbol]:
    """What the library starts from, in its order: it holds unknown characters back until a known one follows."""
    symbols: list[_Symbol] = []
    held: _Symbol | None = None
    at = 0
    for i, char in enumerate(piece):
        end = at + len(char.encode())
        marked = (inner if i else "") + char + (last if i == len(piece) - 1 else "")
        codes = marked.encode() if model.byte_fallback else b""
        if has(marked):
            symbols += [(end - at, at, end)] if held is None else [held, (end - at, at, end)]
            held = None
        elif codes and all(has(f"<0x{code:02X}>") for code in codes):
            symbols += [(1, at, end)] * len(codes)
        elif model.unk_token is not None:
            if held is not None and not model.fuse_unk:
                symbols.append(held)
                held = None
            held = (end - at + (held[0] if held else 0), held[1] if held else at, end)
        at = end
    return symbols if held is None else [*symbols, held]


def _placed(tokens: list[Token], symbols: list[_Symbol]) -> list[Token]:
    ends = np.cumsum([length for length, _, _ in symbols])
    placed = []
    for token in tokens:
        first = int(np.searchsorted(ends, token.offsets[0], side="right"))
        behind = int(np.searchsorted(ends, token.offsets[1], side="left")) + 1
        own = symbols[first:behind]
        placed.append(Token(token.id, token.value, (min(s[1] for s in own), max(s[2] for s in own))))
    return placed
