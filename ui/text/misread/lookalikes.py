"""Sentences on what looks like a special token and is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import lmloupe as lm
from lmloupe.encodings.lookalikes import OTHER_FORMATS, Lookalike, special_lookalikes
from ui.base.loaders import display_name, tokenizer
from ui.base.words import counted
from ui.text.misread.claims import grouped

__all__ = ["lookalike_sentence", "lookalikes_of", "rows_sentence"]

_SIGNS = frozenset("<[")


def lookalikes_of(enc: lm.Encoding) -> tuple[Lookalike, ...]:
    """What looks like a special token in a text, with the embedded families' in mind; quick where there is no sign."""
    if _SIGNS.isdisjoint(enc.text):
        return ()
    return special_lookalikes(enc, [tokenizer(name) for name in lm.embedded_tokenizers()], limit=5)


def lookalike_sentence(found: Lookalike, name: str, label: str) -> str:
    """What the tokenizer reads there, and what was probably meant; plain text.

    Args:
        found: of `special_lookalikes`.
        name: of the tokenizer.
        label: what the page calls it.
    """
    said = f"“{found.text}” looks like a special token and is none: {label} reads it as {_ordinary(found.n_tokens)}."
    if not found.meant:
        return said
    if found.of == name:
        return f"{said} {found.meant} is one token."
    if not found.of:
        return f"{said} It {OTHER_FORMATS[found.meant]}."
    it = "it" if found.meant == found.text else found.meant
    return f"{said} In {display_name(found.of)}, {it} is one token."


def rows_sentence(rows: Mapping[str, lm.Encoding], labels: Mapping[str, str]) -> str:
    """The same over the rows of Tokens: how many tokens each needs, where it is none; empty where nothing looks so."""
    found: dict[str, list[tuple[str, Lookalike]]] = {}
    for name, enc in rows.items():
        for one in lookalikes_of(enc):
            found.setdefault(one.text, []).append((name, one))
    sentences = [_across(text, ones, labels, len(rows)) for text, ones in list(found.items())[:2]]
    return " ".join(sentences)


def _across(text: str, ones: Sequence[tuple[str, Lookalike]], labels: Mapping[str, str], n_rows: int) -> str:
    first: dict[str, Lookalike] = {}
    for name, one in ones:
        first.setdefault(name, one)
    counts = grouped({labels[name]: f"{one.n_tokens:,}" for name, one in first.items()})
    where = "is none" if len(first) == n_rows else "is not one everywhere"
    meant = next((one for one in first.values() if one.meant), None)
    if meant is None or (meant.meant == text and meant.of in labels and meant.of not in first):
        also = ""
    elif not meant.of:
        also = f" It {OTHER_FORMATS[meant.meant]}."
    else:
        also = f" In {display_name(meant.of)}, {meant.meant} is one token."
    return f"“{text}” looks like a special token and {where}. Ordinary tokens in its place: {counts}.{also}"


def _ordinary(n: int) -> str:
    return counted(n, "ordinary token")
