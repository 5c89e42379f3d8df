"""A sentence with a gap as a person writes it: the sides, the candidates, and examples where the right side decides."""

from __future__ import annotations

import re
from dataclasses import dataclass

import streamlit as st

import lmloupe as lm
from ui.base.errors import Offer
from ui.state import store as state

__all__ = ["EXAMPLES", "Example", "NoGapError", "example_chips", "read_candidates", "read_gap", "read_rights"]

_GAP = re.compile(r"_{2,}")


@dataclass(frozen=True, slots=True)
class Example:
    """A sentence, candidates for its gap, and other right sides, as the settings hold them."""

    sentence: str
    candidates: str
    rights: str


EXAMPLES = (
    Example(
        "The capital of ___ is Paris.", "France, Germany, Italy, Spain, Japan",
        "is Rome.\nis a large city by the sea.",
    ),
    Example("I went to the ___ to borrow a book.", "library, bank, beach, store", "to swim in the sea.\nto buy bread."),
    Example(
        "She poured the ___ into her cup and added some milk and sugar.", "tea, coffee, wine, water, gold",
        "into her glass and ate some cheese.",
    ),
    Example(
        "The doctor asked the ___ to take the medicine twice a day.", "patient, nurse, question",
        "to bring him the scissors.",
    ),
)  # fmt: skip


class NoGapError(lm.InvalidTextError):
    """A sentence without a gap, or with several; with the button that takes the first example."""

    offer = Offer("Take the first example", lambda: _take(EXAMPLES[0]))


def read_gap(sentence: str) -> tuple[str, str]:
    """The text before the gap and the text after it.

    Raises:
        NoGapError: there is not exactly one.

    >>> read_gap("The capital of ___ is Paris.")
    ('The capital of ', ' is Paris.')
    """
    sides = _GAP.split(sentence)
    if len(sides) != 2:
        many = f"{len(sides) - 1} gaps" if len(sides) > 2 else "no gap"
        raise NoGapError(f"The sentence has {many}: write ___ where a word is missing, once.")
    return sides[0], sides[1]


def read_candidates(written: str) -> tuple[str, ...]:
    """The candidates between the commas, without the space around them, each once.

    >>> read_candidates("France,  Italy, , France")
    ('France', 'Italy')
    """
    return tuple(dict.fromkeys(one.strip() for one in written.split(",") if one.strip()))


def read_rights(written: str, right: str) -> tuple[str, ...]:
    """Other texts after the gap, one a line, each with the white space that the right side begins with.

    >>> read_rights("is Rome.", " is Paris.")
    (' is Rome.',)
    """
    space = right[: len(right) - len(right.lstrip())]
    lines = (space + line.strip() for line in written.splitlines() if line.strip())
    return tuple(line for line in dict.fromkeys(lines) if line != right)


def example_chips() -> None:
    """One button for each of `EXAMPLES`; it replaces sentence, candidates and right sides."""
    for i, example in enumerate(EXAMPLES):
        st.button(example.sentence, key=f"gap_example_{i}", on_click=_take, args=(example,))


def _take(example: Example) -> None:
    state.put("gap_sentence", example.sentence)
    state.put("gap_candidates", example.candidates)
    state.put("gap_rights", example.rights)
