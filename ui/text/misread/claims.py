"""Texts that books and courses cut into tokens, and how they are really cut here."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

import lmloupe as lm
from ui.state import store as state

__all__ = ["CLAIMS", "claim_chips", "claim_sentence", "grouped"]

CLAIMS = ("I can't wait to build AI applications", "cooking", "coconut")
"""Texts to try: the first is a textbook's example (Chip Huyen, AI Engineering, 2025), the others of many courses."""
BOOK = "A textbook counts nine tokens in GPT-4 (Huyen, AI Engineering, 2025). Here: "


def claim_chips() -> None:
    """One button for each of `CLAIMS`; it replaces the text, and Back brings the old one."""
    st.markdown("Texts to try", width="content")
    for text in CLAIMS:
        st.button(text, key=f"claim_{text}", on_click=state.put, args=("text", text))


def claim_sentence(text: str, rows: Mapping[str, lm.Encoding], labels: Mapping[str, str]) -> str:
    """What the rows say to what is claimed of one of `CLAIMS`; empty for any other text. Plain text.

    Args:
        text: the text of the page.
        rows: its encodings by the tokenizers' names.
        labels: what the page calls them.
    """
    if not rows or text.strip() not in CLAIMS:
        return ""
    if text.strip() == CLAIMS[0]:
        return BOOK + grouped({labels[name]: f"{len(enc):,}" for name, enc in rows.items()}) + "."
    pieces = {labels[name]: " + ".join(token.text.strip() for token in enc.tokens) for name, enc in rows.items()}
    cut = grouped(pieces)
    spaced = {name: lm.encode(enc.tokenizer, f" {text.strip()}") for name, enc in rows.items()}
    whole = [labels[name] for name, enc in spaced.items() if len(enc) == 1 < len(rows[name])]
    if not whole:
        return f"“{text.strip()}” is {cut}."
    return f"“{text.strip()}” is {cut}. After a space, as within a sentence, it is one token for {_listed(whole)}."


def grouped(values: Mapping[str, str]) -> str:
    """Equal values once, with the names that have them: 8 (A and B), 10 (C)."""
    names: dict[str, list[str]] = {}
    for name, value in values.items():
        names.setdefault(value, []).append(name)
    return ", ".join(f"{value} ({_listed(those)})" for value, those in names.items())


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
