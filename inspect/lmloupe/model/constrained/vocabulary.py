"""A vocabulary as llguidance reads it: the bytes of every token."""

from __future__ import annotations

from dataclasses import dataclass

from llguidance import LLTokenizer, TokenizerWrapper

from lmloupe.tokens.per_tokenizer import PerTokenizer
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["BYTES", "vocabulary"]


@dataclass(frozen=True, slots=True)
class _Tokens:
    """What llguidance asks of a tokenizer. The end is a token of our own, after all others."""

    tokens: list[bytes]
    special_token_ids: list[int]
    eos_token_id: int
    bos_token_id: None = None

    def __call__(self, text: bytes | str) -> list[int]:
        # Asked once, to see whether bytes are taken; our grammars force no tokens, which would need it.
        return []


def _for_llguidance(tokens: list[bytes], special: list[int]) -> LLTokenizer:
    end = len(tokens)
    known = _Tokens([*tokens, b"<end>"], [*special, end], end)
    return LLTokenizer(TokenizerWrapper(known), n_vocab=end + 1)


def _build(tok: Tokenizer) -> LLTokenizer:
    special = sorted(tok.special_tokens.values())
    hidden = set(special)
    # A special token stands for no text, and so does an id that no token has.
    return _for_llguidance(
        [tok.token_bytes(i) if i not in hidden and tok.has(i) else b"" for i in range(tok.vocab_size)], special
    )


vocabulary = PerTokenizer(_build)
"""The vocabulary of a tokenizer, made at its first use: bit i of a mask is token i, and the last bit the end."""

BYTES = _for_llguidance([bytes([i]) for i in range(256)], [])
"""256 tokens of one byte each, which can write every text: to see whether a grammar allows anything at all."""
