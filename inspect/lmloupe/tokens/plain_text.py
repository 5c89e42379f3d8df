"""Added tokens as plain text: the reading in which nothing that a person types is a control token."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import tokenizers

__all__ = ["is_blank", "kept_plain", "plain_copy"]


def is_blank(content: str) -> bool:
    """Whether a token is white space alone, ``▁`` counted: such runs are text, in any reading.

    >>> is_blank("  "), is_blank("▁▁"), is_blank("<think>")
    (True, True, False)
    """
    return not content.replace("▁", "").strip()


def kept_plain(added: Mapping[int, tokenizers.AddedToken]) -> list[tokenizers.AddedToken]:
    """Added tokens that are not special and that the library reads as one token whatever it is asked."""
    return [token for token in added.values() if not token.special and not is_blank(token.content)]


def plain_copy(backend: tokenizers.Tokenizer) -> tokenizers.Tokenizer:
    """The same tokenizer, which reads no added token in a text, be it special or not; white space excepted.

    The library's switch ``encode_special_tokens`` leaves out special ones alone. ``<think>`` and ``<tool_call>`` of
    Qwen3 are not special: the copy calls them so, which changes no id.
    """
    plain = copy.deepcopy(backend)
    plain.encode_special_tokens = True
    if others := kept_plain(plain.get_added_tokens_decoder()):
        for token in others:
            token.special = True
        plain.add_special_tokens(others)
    return plain
