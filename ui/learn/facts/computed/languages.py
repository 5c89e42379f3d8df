"""Facts about what the same sentences cost in each of sixty languages."""

from __future__ import annotations

import unicodedata
from functools import cache

import streamlit as st

import lmloupe as lm
from ui.base.loaders import display_name, tokenizer
from ui.learn.facts.registry import fact

__all__ = [
    "bytes_per_character",
    "dearest_language",
    "language_bytes",
    "language_characters",
    "language_compared",
    "language_ratio",
    "language_tokens",
    "least_ratio",
    "script_tokens",
]


@st.cache_resource(max_entries=8, show_spinner=False)
def _fertility(name: str) -> lm.Fertility:
    return lm.fertility(tokenizer(name))


def _tokenizer(name: str) -> lm.Tokenizer:
    return tokenizer(name)


def _row(found: lm.Fertility, language: str) -> int:
    names = [one.name for one in found.languages]
    if language not in names:
        raise lm.QuestionError(f"No sentences are in {language!r}; there are some in {', '.join(names)}.")
    return names.index(language)


@fact
def language_tokens(*, tokenizer: str, language: str) -> int:
    """Number of tokens of the ten sentences of the page Languages in a language.

    >>> language_tokens(tokenizer="llama-3.1", language="English")
    101
    """
    found = _fertility(tokenizer)
    return int(found.n_tokens[_row(found, language)])


@fact
def language_characters(*, language: str) -> int:
    """Number of characters of the ten sentences in a language.

    >>> language_characters(language="Burmese")
    460
    """
    found = _fertility("llama-3.1")
    return int(found.n_chars[_row(found, language)])


@fact
def language_bytes(*, language: str) -> int:
    """Number of bytes in UTF-8 of the ten sentences in a language.

    >>> language_bytes(language="Burmese")
    1334
    """
    found = _fertility("llama-3.1")
    return int(found.n_bytes[_row(found, language)])


@fact
def language_ratio(*, tokenizer: str, language: str) -> float:
    """Tokens of the ten sentences in a language as a multiple of those in English.

    >>> round(language_ratio(tokenizer="llama-3.1", language="Burmese"), 1)
    9.0
    """
    found = _fertility(tokenizer)
    return float(found.relative[_row(found, language)])


@fact
def dearest_language(*, tokenizer: str) -> str:
    """Name of the language, among sixty, whose sentences need the most tokens.

    >>> dearest_language(tokenizer="qwen2")
    'Burmese'
    """
    found = _fertility(tokenizer)
    return found.languages[int(found.n_tokens.argmax())].name


@fact
def least_ratio(*, language: str) -> str:
    """Which of Llama 3.1, Phi-3, Qwen2 and StarCoder2 needs the fewest tokens for the sentences in a language.

    >>> least_ratio(language="Burmese")
    'Qwen2'
    """
    names = ("llama-3.1", "phi-3", "qwen2", "starcoder2")
    return display_name(min(names, key=lambda name: language_tokens(tokenizer=name, language=language)))


@fact
def script_tokens(*, tokenizer: str, script: str) -> int:
    """Number of tokens with a character of a script, as Unicode's names of characters begin: ``Latin``, ``Myanmar``.

    >>> script_tokens(tokenizer="qwen2", script="Myanmar")
    37
    """
    found = _tokenizer(tokenizer)
    begins = script.upper() + " "

    @cache
    def has(character: str) -> bool:
        return unicodedata.name(character, "").startswith(begins)

    texts = (found.token_bytes(i).decode("utf-8", "ignore") for i in range(found.vocab_size))
    return sum(any(map(has, text)) for text in texts)


@fact
def bytes_per_character(*, language: str) -> float:
    """Bytes in UTF-8 of a character of the ten sentences in a language, on average.

    >>> round(bytes_per_character(language="Burmese"), 1)
    2.9
    """
    return language_bytes(language=language) / language_characters(language=language)


@fact
def language_compared(*, tokenizer: str, language: str, other: str) -> str:
    """``fewer``, ``as many`` or ``more``: the tokens of the ten sentences in a language against those in another one.

    >>> language_compared(tokenizer="qwen2", language="Chinese (simplified)", other="English")
    'fewer'
    """
    one = language_tokens(tokenizer=tokenizer, language=language)
    two = language_tokens(tokenizer=tokenizer, language=other)
    return "as many" if one == two else "fewer" if one < two else "more"
