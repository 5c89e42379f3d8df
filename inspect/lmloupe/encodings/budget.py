"""What tokens cost: share of a context window, price, and what is left of a text when it is cut."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lmloupe.encodings.encoding import Encoding
from lmloupe.errors import InvalidSettingError

__all__ = ["Cut", "context_share", "cut", "price"]


def _check_count(name: str, value: float, least: float) -> None:
    if not math.isfinite(value) or value < least:
        raise InvalidSettingError(f"{name} is {value}; give a number that is at least {least:g}.")


def context_share(n_tokens: int, context_length: int) -> float:
    """How much of a context window tokens fill: 0.5 is half of it, more than 1 does not fit.

    Raises:
        InvalidSettingError: a negative count, or a window of less than one token.

    >>> context_share(2048, 8192)
    0.25
    """
    _check_count("n_tokens", n_tokens, 0)
    _check_count("context_length", context_length, 1)
    return n_tokens / context_length


def price(n_tokens: int, price_per_million: float) -> float:
    """The price of tokens, in the currency of ``price_per_million``.

    Raises:
        InvalidSettingError: a negative or infinite number.

    >>> price(1500, 2.0)
    0.003
    """
    _check_count("n_tokens", n_tokens, 0)
    _check_count("price_per_million", price_per_million, 0)
    return n_tokens * price_per_million / 1_000_000


@dataclass(frozen=True, slots=True)
class Cut:
    """What the first tokens of a text keep.

    Attributes:
        text: the whole characters that they hold.
        n_tokens: tokens kept.
        n_chars: length of ``text`` in characters.
        inside_character: whether the cut falls between two parts of one character, so that the model reads bytes there
            that are not text.
    """

    text: str
    n_tokens: int
    n_chars: int
    inside_character: bool


def _ends_inside_character(enc: Encoding, n: int) -> bool:
    last = b""
    while n and len(last) < 4:
        n -= 1
        last = enc.token_bytes(n) + last
    for back in range(1, min(len(last), 3) + 1):
        byte = last[-back]
        if byte < 0x80:
            return False
        if byte >= 0xC0:  # the byte that opens a character and says how many belong to it
            return back < (2 if byte < 0xE0 else 3 if byte < 0xF0 else 4)
    return False


def cut(enc: Encoding, n: int) -> Cut:
    """Keep the first ``n`` tokens of a text, as a program does that truncates to a budget.

    Args:
        enc: from `lmloupe.encode`; tokens that the tokenizer added count as tokens and hold no characters.
        n: tokens to keep; all where there are fewer.

    Raises:
        InvalidSettingError: a negative ``n``.

    >>> from lmloupe.encodings.encoding import encode
    >>> from lmloupe import load_tokenizer
    >>> enc = encode(load_tokenizer("llama-3.1"), "Hi 🤚!")
    >>> cut(enc, 2)
    Cut(text='Hi ', n_tokens=2, n_chars=3, inside_character=True)
    >>> cut(enc, 4)
    Cut(text='Hi 🤚', n_tokens=4, n_chars=4, inside_character=False)
    """
    _check_count("n", n, 0)
    kept, rest = enc.offsets[:n], enc.offsets[n:]
    kept, rest = kept[kept[:, 0] < kept[:, 1]], rest[rest[:, 0] < rest[:, 1]]
    # A character that no token covers goes with the token before it; one that both sides cover is kept by neither.
    n_chars = int(rest[:, 0].min(initial=len(enc.text))) if len(kept) else 0
    n_kept = min(n, len(enc))
    return Cut(enc.text[:n_chars], n_kept, n_chars, _ends_inside_character(enc, n_kept))
