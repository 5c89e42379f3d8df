"""Tiny tokenizer files of the kinds that come without a tokenizer.json: SentencePiece, tiktoken, tekken."""

from __future__ import annotations

import base64
import io
import json
from functools import cache

import sentencepiece

__all__ = ["sentencepiece_model", "tekken_json", "tiktoken_file"]

_SENTENCES = ["the coconut fell from the tree", "a model reads tokens and not words", "Grüße aus Bern 3.14"] * 20


@cache
def sentencepiece_model(kind: str) -> bytes:
    """A trained ``tokenizer.model``: "bpe" with byte fallback, or "unigram"."""
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(_SENTENCES),
        model_writer=written,
        vocab_size=320 if kind == "bpe" else 60,
        model_type=kind,
        byte_fallback=kind == "bpe",
        hard_vocab_limit=False,
        minloglevel=2,
    )
    return written.getvalue()


_PIECES = [bytes([i]) for i in range(256)] + [b"he", b"ll", b"llo"]


def tiktoken_file() -> bytes:
    """Every byte and three longer pieces, as tiktoken writes them: base64 and rank."""
    return b"\n".join(base64.b64encode(piece) + f" {rank}".encode() for rank, piece in enumerate(_PIECES))


def tekken_json() -> bytes:
    """The same pieces as Mistral writes them."""
    pieces = [
        {"rank": rank, "token_bytes": base64.b64encode(piece).decode(), "token_str": None}
        for rank, piece in enumerate(_PIECES)
    ]
    special = ["<unk>", "<s>", "</s>", "[INST]"]
    config = {"pattern": r"\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+", "default_num_special_tokens": 4, "version": "v3"}
    return json.dumps(
        {
            "config": config | {"num_vocab_tokens": len(pieces), "default_vocab_size": len(pieces) + 4},
            "vocab": pieces,
            "special_tokens": [{"rank": i, "token_str": s, "is_control": True} for i, s in enumerate(special)],
        }
    ).encode()
