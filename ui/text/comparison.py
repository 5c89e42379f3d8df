"""What the Compare files page shows: one text as two tokenizers cut it, line by line."""

from __future__ import annotations

import streamlit as st

from lmloupe.encodings.budget import price
from lmloupe.encodings.lines import LineComparison, compare_lines
from ui.base import theme
from ui.base.words import counted, more_than
from ui.components.file_view import Side, build_payload
from ui.tokenizers.choice import Choice
from ui.tokenizers.reading import encode_with

__all__ = ["compared", "comparison_payload", "costs_more"]

_KEPT = "comparison"


def compared(first: Choice, second: Choice, text: str, *, parse_special_tokens: bool) -> LineComparison:
    """The comparison of two tokenizers; the last one of a session is kept, because a megabyte takes seconds."""
    asked = (first.name, id(first.uploaded), second.name, id(second.uploaded), text, parse_special_tokens)
    kept = st.session_state.get(_KEPT)
    if kept is None or kept[0] != asked:
        encodings = [encode_with(choice, text, parse_special_tokens=parse_special_tokens) for choice in (first, second)]
        # The comparison keeps the tokenizers, so that no other one can get their identity.
        kept = st.session_state[_KEPT] = (asked, compare_lines(*encodings))
    found: LineComparison = kept[1]
    return found


def costs_more(found: LineComparison, names: tuple[str, str]) -> str:
    """One sentence: which of the two needs more tokens, and by how much.

    >>> from lmloupe import encode, load_tokenizer
    >>> enc = encode(load_tokenizer("llama-3.1"), "a coconut")
    >>> costs_more(compare_lines(enc, enc), ("A", "B"))
    'A and B need the same number of tokens: 2'
    """
    n_tokens = [len(enc) for enc in found.encodings]
    (least, less), (most, more) = sorted(zip(n_tokens, names, strict=True))
    if least == most:
        return f"{names[0]} and {names[1]} need the same number of tokens: {most:,}"
    if not least:
        return f"{more} needs {counted(most, 'token')} for this text, {less} none"
    return f"{more} needs {more_than(most / least)} more tokens than {less} for this text"


def comparison_payload(found: LineComparison, choices: tuple[Choice, Choice], *, price_per_million: float) -> bytes:
    """Pack a comparison for the file view, with the numbers of its head."""
    sides = []
    for choice, enc in zip(choices, found.encodings, strict=True):
        cost = price(len(enc), price_per_million)
        per_token = f"{len(enc.text) / len(enc):.2f}" if len(enc) else "–"
        facts = (f"{len(enc):,}", per_token, f"{cost:,.2f}" if cost >= 1 else f"{cost:.6f}")
        sides.append(Side(choice.name, choice.label, theme.family_colour(choice.name), facts))
    return build_payload(
        found,
        sides,
        headings=("Tokens", "Characters per token", f"Cost at {price_per_million:g} per million"),
        agreement=(
            f"{found.agreement:.1%} of all cuts are made by both",
            f"{found.share_same:.1%} of {counted(len(found), 'line')} are cut alike",
        ),
    )
