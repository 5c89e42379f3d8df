"""Cosines between vectors, and which tokens of a text are a word of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmloupe.encodings.encoding import encode
from lmloupe.errors import InvalidSettingError
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["cosine_matrix", "word_positions"]


def cosine_matrix(vectors: ArrayLike) -> NDArray[np.float32]:
    """Cosine of every vector with every other, float32 (n, n); a zero vector has cosine 0 with all, itself too.

    Args:
        vectors: (n, width), rows such as `Engine.embed` gives.

    Raises:
        InvalidSettingError: not a matrix of finite numbers.

    >>> cosine_matrix([[1, 0], [0, 2], [3, 3], [0, 0]]).round(3).tolist()[2]
    [0.7070000171661377, 0.7070000171661377, 1.0, 0.0]
    """
    rows = np.asarray(vectors, np.float64)
    if rows.ndim != 2 or not np.isfinite(rows).all():
        raise InvalidSettingError(f"Cosines need rows of finite numbers, (n, width), not an array of {rows.shape}.")
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    result: NDArray[np.float32] = np.clip(unit @ unit.T, -1, 1).astype(np.float32)
    return result


def word_positions(
    tok: Tokenizer, text: str, start: int, end: int, *, add_special_tokens: bool = True
) -> NDArray[np.int32]:
    """Positions of the tokens that hold any character of ``text[start:end]``, ascending, int32 (m,).

    A causal model's state at the last of them has read the whole word: take that one to compare words.

    Args:
        tok: from `lmloupe.load_tokenizer`, or an engine's.
        text: the text.
        start: first character of the word.
        end: one beyond its last character.
        add_special_tokens: as the engine reads a text, with the bos that Llama 3.1 adds.

    Raises:
        InvalidSettingError: no character of the text lies in that range.

    >>> from lmloupe import load_tokenizer
    >>> word_positions(load_tokenizer("llama-3.1"), "The river bank", 10, 14).tolist()
    [3]
    """
    if not 0 <= start < end <= len(text):
        raise InvalidSettingError(
            f"Characters {start} to {end} are not a part of a text of {len(text):,} characters: "
            "the first must come before the last, and both lie inside it."
        )
    offsets = encode(tok, text, add_special_tokens=add_special_tokens).offsets
    return np.flatnonzero((offsets[:, 0] < end) & (offsets[:, 1] > start)).astype(np.int32)
