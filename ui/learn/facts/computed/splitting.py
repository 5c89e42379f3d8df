"""Facts about how a text is split."""

from __future__ import annotations

import lmloupe as lm
from ui.base.loaders import encoding
from ui.learn.facts.registry import fact

__all__ = ["token_count", "token_cuts", "token_text"]


def _encoded(tokenizer: str, text: str, special: bool) -> lm.Encoding:
    return encoding(tokenizer, text, special, True)


@fact
def token_count(*, tokenizer: str, text: str, special: bool = False) -> int:
    """Number of tokens of the text; with ``special`` those that the tokenizer adds by itself count too.

    >>> token_count(tokenizer="llama-3.1", text="coconut")
    2
    """
    return len(_encoded(tokenizer, text, special))


@fact
def token_cuts(*, tokenizer: str, text: str) -> tuple[int, ...]:
    """Places where the text is cut: the number of characters before each cut.

    >>> token_cuts(tokenizer="phi-3", text="coconut")
    (2, 5)
    """
    inner = {int(start) for start in _encoded(tokenizer, text, False).offsets[:, 0]} - {0, len(text)}
    return tuple(sorted(inner))


@fact
def token_text(*, tokenizer: str, text: str, place: int) -> str:
    """Text of one token of the text; ``place`` counts from 1.

    >>> token_text(tokenizer="llama-3.1", text="coconut", place=2)
    'conut'
    """
    enc = _encoded(tokenizer, text, False)
    if not 1 <= place <= len(enc):
        raise lm.QuestionError(f"place is {place}, but the text has {len(enc)} tokens.")
    return enc.token_bytes(place - 1).decode("utf-8", "replace")
