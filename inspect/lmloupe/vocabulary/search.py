"""Search the vocabulary of a tokenizer: by text, by bytes, by regular expression, by id."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lmloupe.encodings.encoding import check_text
from lmloupe.errors import InvalidSettingError
from lmloupe.tokens.tokenizer import Tokenizer
from lmloupe.vocabulary.safe_regex import regex_mask
from lmloupe.vocabulary.table import VocabularyTable, vocabulary_table

__all__ = ["VocabularyMatches", "parse_hex", "search_vocabulary"]

Match = Literal["contains", "prefix", "exact"]

_TESTS: dict[str, Callable[[bytes, bytes], bool]] = {
    "contains": operator.contains,
    "prefix": bytes.startswith,
    "exact": operator.eq,
}


@dataclass(frozen=True, slots=True, eq=False)
class VocabularyMatches:
    """What a search of the vocabulary found.

    Attributes:
        tokenizer: whose vocabulary was searched.
        ids: int32 (n,), ascending, at most as many as the limit.
        total: how many tokens match, those beyond the limit included.
    """

    tokenizer: Tokenizer = field(repr=False)
    ids: NDArray[np.int32]
    total: int

    def __len__(self) -> int:
        return len(self.ids)


def parse_hex(text: str) -> bytes:
    r"""Bytes from the usual spellings of hexadecimal: ``e0 a4``, ``E0A4``, ``0xe0,0xa4``, ``\xe0\xa4``.

    Raises:
        InvalidSettingError: anything else, or nothing.

    >>> parse_hex("e0 a4") == parse_hex("0xE0, 0xA4") == parse_hex(r"\xe0\xa4") == b"\xe0\xa4"
    True
    """
    digits = re.sub(r"(?:0x|\\x)", " ", text, flags=re.IGNORECASE)
    try:
        if digits.isascii() and (raw := bytes.fromhex(digits.replace(",", " "))):
            return raw
    except ValueError:
        pass  # the sentence below says it for both cases
    raise InvalidSettingError(f"{text[:40]!r} is not a row of bytes: give pairs of hexadecimal digits such as 'e0 a4'.")


def _matching(table: VocabularyTable, needle: bytes, match: str) -> NDArray[np.bool_]:
    test = _TESTS[match]
    return np.fromiter((test(raw, needle) for raw in table.token_bytes), np.bool_, len(table))


def _matching_any_case(table: VocabularyTable, needle: str, match: str) -> NDArray[np.bool_]:
    # Broken bytes become surrogates here, which no text that a person can type holds.
    folded = needle.casefold().encode("utf-8", "surrogateescape")
    texts = (
        raw.decode("utf-8", "surrogateescape").casefold().encode("utf-8", "surrogateescape")
        for raw in table.token_bytes
    )
    test = _TESTS[match]
    return np.fromiter((test(raw, folded) for raw in texts), np.bool_, len(table))


def _check(match: str, ids: tuple[int, int] | list[int] | None, limit: int) -> None:
    if match not in _TESTS:
        raise InvalidSettingError(f"match is {match!r}; give one of {', '.join(_TESTS)}.")
    if limit < 1:
        raise InvalidSettingError(f"limit is {limit}; give 1 or more.")
    if isinstance(ids, tuple) and not 0 <= ids[0] <= ids[1]:
        raise InvalidSettingError(
            f"The ids {ids[0]} to {ids[1]} are not a range: give the first and the last, from 0 on, smaller one first."
        )


def search_vocabulary(
    tok: Tokenizer,
    text: str | None = None,
    *,
    bytes: bytes | str | None = None,  # noqa: A002 - the name of what is searched for
    regex: str | None = None,
    ids: tuple[int, int] | list[int] | None = None,
    limit: int = 1000,
    match: Match = "contains",
    ignore_case: bool = False,
) -> VocabularyMatches:
    r"""Find tokens. All conditions that are given must hold; with none, every token is found.

    Args:
        tok: from `lmloupe.load_tokenizer`.
        text: characters of the token as text: a space is a space, not ``Ġ`` or ``▁``. Found in the whole characters of
            a token that also holds a part of one.
        bytes: bytes or hexadecimal (see `parse_hex`), anywhere in the token.
        regex: regular expression, found anywhere in the token's text unless anchored; the syntax is RE2's (see
            `lmloupe.vocabulary.safe_regex.regex_mask`), which no pattern can hang.
        ids: first and last id as a tuple, both included; or a list of ids.
        limit: most ids to return.
        match: how ``text`` is compared: ``"contains"``, ``"prefix"`` or ``"exact"``.
        ignore_case: compare ``text`` casefolded, and ``regex`` without case.

    Returns:
        A `VocabularyMatches`; special tokens are searched too, by their content.

    Raises:
        InvalidSettingError: a condition that makes no sense; the sentence names it.
        InvalidTextError: ``text`` has a lone surrogate.

    >>> from lmloupe import load_tokenizer
    >>> tok = load_tokenizer("llama-3.1")
    >>> found = search_vocabulary(tok, "hello", ignore_case=True, limit=3)
    >>> [tok.token_bytes(i) for i in found.ids.tolist()], found.total
    ([b'Hello', b'hello', b' Hello'], 7)
    >>> search_vocabulary(tok, bytes="20 f0 9f").ids.tolist()[:2]
    [11410, 27623]
    >>> [tok.token_bytes(i).decode() for i in search_vocabulary(tok, regex=r"^\p{Thai}{3}$", limit=3).ids.tolist()]
    ['้อม', 'การ', 'และ']
    """
    _check(match, ids, limit)
    table = vocabulary_table(tok)
    found = np.ones(len(table), np.bool_)
    if isinstance(ids, list):
        found &= np.isin(table.ids, ids)
    elif ids is not None:
        found &= (table.ids >= ids[0]) & (table.ids <= ids[1])
    if text is not None:
        check_text(text)
        found &= _matching_any_case(table, text, match) if ignore_case else _matching(table, text.encode(), match)
    if bytes is not None:
        found &= _matching(table, parse_hex(bytes) if isinstance(bytes, str) else bytes, "contains")
    if regex is not None:
        rows = np.flatnonzero(found)
        hit = regex_mask(regex, [table.token_bytes[row] for row in rows.tolist()], ignore_case=ignore_case)
        found[rows[~hit]] = False
    matching = table.ids[found]
    return VocabularyMatches(tok, matching[:limit], len(matching))
