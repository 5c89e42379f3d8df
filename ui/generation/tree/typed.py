"""What a person puts into a text that a model writes: a typed text as ids, tokens found in the vocabulary."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import Literal

import lmloupe as lm
from lmloupe.vocabulary.search import search_vocabulary
from ui.base.labels import token_label

__all__ = ["continuation_ids", "found_tokens", "inside_character"]

MOST_FOUND = 12


def continuation_ids(tok: lm.Tokenizer, text: str) -> tuple[int, ...]:
    r"""A text as ids that go on from other tokens: nothing is added, and no space is put in front of it.

    Some tokenizers (Phi-3's) put a space in front of every text; they do not behind a line end, so it is read after
    one where that spells the very text.

    >>> from lmloupe import load_tokenizer
    >>> tok = load_tokenizer("phi-3")
    >>> [tok.token_bytes(i) for i in continuation_ids(tok, "Paris")]
    [b'Par', b'is']
    """
    plain = lm.encode(tok, text)
    if _bytes(tok, plain.input_ids.tolist()) == text.encode():
        return tuple(plain.input_ids.tolist())
    behind = lm.encode(tok, "\n" + text)
    rest = behind.input_ids[behind.offsets[:, 0] >= 1].tolist()
    if _bytes(tok, rest) == text.encode():
        return tuple(rest)
    return tuple(plain.input_ids.tolist())


def _bytes(tok: lm.Tokenizer, ids: Sequence[int]) -> bytes:
    return b"".join(tok.token_bytes(i) for i in ids)


def found_tokens(tok: lm.Tokenizer, typed: str, rows: int) -> tuple[int, ...]:
    """Ids that a person may mean: the id that was typed, tokens of exactly this text, then those that begin with it.

    A space at the front is a part of the text; without one, the token with a space is offered too.

    Args:
        tok: the model's tokenizer.
        typed: an id, or the text of a token.
        rows: of the model's matrix; an id below it has a row, with a token or without.
    """
    if not typed:
        return ()
    found: dict[int, None] = {}
    matches: tuple[Literal["exact", "prefix"], ...] = ("exact", "prefix")
    if typed.strip().isdecimal() and typed.strip().isascii() and len(typed.strip()) < 10 and int(typed) < rows:
        found[int(typed)] = None
    for text in (typed, " " + typed):
        for match in matches:
            ids = search_vocabulary(tok, text, match=match, limit=MOST_FOUND).ids
            found |= dict.fromkeys(ids.tolist())
    return tuple(found)[:MOST_FOUND]


def inside_character(tok: lm.Tokenizer, branch: lm.Branch) -> str:
    """A sentence where tokens that a person put there end inside a character; empty where none do."""
    forced = branch.forced
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for at, token_id in enumerate(branch.token_ids):
        decoder.decode(tok.token_bytes(token_id) if tok.has(token_id) else b"")
        pending = decoder.getstate()[0]
        if pending and at in forced and at + 1 not in forced:
            whole = "the next token goes on with it" if _goes_on(tok, branch, at, pending) else "nothing completes it"
            return (
                f"Token {at + 1}, “{token_label(tok, token_id)}”, was put there and ends inside a character "
                f"({pending.hex(' ')}): {whole}. All tokens are kept as they are."
            )
    return ""


def _goes_on(tok: lm.Tokenizer, branch: lm.Branch, at: int, pending: bytes) -> bool:
    if at + 1 >= len(branch.steps) or not tok.has(branch.token_ids[at + 1]):
        return False
    try:
        codecs.getincrementaldecoder("utf-8")("strict").decode(pending + tok.token_bytes(branch.token_ids[at + 1])[:1])
    except UnicodeDecodeError:
        return False
    return bool(tok.token_bytes(branch.token_ids[at + 1]))
