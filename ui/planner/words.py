"""Sizes, cards and verdicts of the planner in words: true for what fits, what nearly does, and what does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ui.base.words import counted

__all__ = ["NO_LIMIT", "Verdict", "a_card", "at_most", "people", "size", "verdict"]

# Letters whose names begin with a vowel: an RTX 4090, an H100, an L4, an A10G.
_VOWELS = "AEFHILMNORSX"
NO_LIMIT = 1 << 30
"""What the library answers for a context where neither the model nor its cache limits it."""


def size(n_bytes: float) -> str:
    """Bytes as a person reads them, in powers of ten; the components' ``size`` says the same.

    >>> size(131_072), size(173_000_000), size(5_591_500_000), size(812e9), size(1_623e9)
    ('131 kB', '173 MB', '5.6 GB', '812 GB', '1,623 GB')
    """
    if n_bytes >= 99_950_000_000:
        return f"{n_bytes / 1e9:,.0f} GB"
    if n_bytes >= 999_500_000:
        return f"{n_bytes / 1e9:.1f} GB"
    if n_bytes >= 999_500:
        return f"{n_bytes / 1e6:.0f} MB"
    return f"{n_bytes / 1e3:.0f} kB" if n_bytes >= 1000 else f"{n_bytes:.0f} bytes"


def a_card(name: str) -> str:
    """The card with its article.

    >>> a_card("T4"), a_card("RTX 4090"), a_card("A100 40 GB"), a_card("16 GB laptop"), a_card("this machine")
    ('a T4', 'an RTX 4090', 'an A100 40 GB', 'a 16 GB laptop', 'this machine')
    """
    if name.lower().startswith("this "):
        return name[0].lower() + name[1:]
    return f"{'an' if name[0] in _VOWELS else 'a'} {name}"


def at_most(n: int) -> str:
    """A number rounded down to two figures, so that "room for" stays true.

    >>> at_most(61_377), at_most(1_999), at_most(87)
    ('61,000', '1,900', '87')
    """
    step = 10 ** max(0, len(str(n)) - 2)
    return f"{n // step * step:,}"


def people(n: int) -> str:
    """How many people.

    >>> people(1), people(14), people(1200)
    ('one person', '14 people', '1,200 people')
    """
    return "one person" if n == 1 else f"{n:,} people"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the library says of one choice, and of the other precisions beside it.

    Attributes:
        model, precision, card: their names, the card's with its article.
        context: tokens for each.
        sequences: people at once.
        limit: the most tokens that the model reads; 0 where nobody says.
        total: bytes of all parts, what is kept free included.
        memory: of the card.
        weights: bytes of the weights with their constants.
        largest: tokens that fit for each of these people, at most the model's; 0 for none.
        largest_alone: the same for one person.
        most: people that fit with this context.
        larger: the precisions that take more than this one, from the smallest: name, and "whole" or "fits" for one
            that fits, "less" for one that does with less context, "no".
        way_out: what would fit where this does not, as the end of a sentence; "" for none.
    """

    model: str
    precision: str
    card: str
    context: int
    sequences: int
    limit: int
    total: int
    memory: int
    weights: int
    largest: int
    largest_alone: int
    most: int
    larger: Sequence[tuple[str, str]]
    way_out: str = ""


def verdict(one: Verdict) -> str:
    """The sentence above the picture."""
    return _fits(one) if one.total <= one.memory else _does_not(one)


def _room(one: Verdict, tokens: int) -> str:
    if one.limit and tokens >= one.limit:
        return f"its whole context of {counted(one.limit, 'token')}"
    return "any length of context" if tokens >= NO_LIMIT else f"room for {at_most(tokens)} tokens of context"


def _fits(one: Verdict) -> str:
    said = f"{one.model} in {one.precision} fits {one.card}"
    if one.sequences == 1:
        said += f" with {_room(one, one.largest)} for one person"
        if one.most > 1:
            said += f", or {at_most(one.most)} people with {one.context:,} each"
    else:
        said += f" for {people(one.sequences)} with {one.context:,} tokens each"
        said += f"; there is room for {at_most(one.most)}" if one.most > one.sequences else ", and for no more people"
    return said + _larger(one.larger)


def _larger(larger: Sequence[tuple[str, str]]) -> str:
    """The first larger precision that does not fit; the largest, where all do."""
    for name, how in larger:
        if how == "no":
            return f"; in {name} it does not"
        if how == "less":
            return f"; in {name} it does with less context only"
    return f"; so it does in {larger[-1][0]}" if larger else ""


def _does_not(one: Verdict) -> str:
    said = f"{one.model} in {one.precision} does not fit {one.card}"
    if one.weights > one.memory:
        said += f": its weights alone take {size(one.weights)}, and there are {size(one.memory)}"
    elif not one.largest_alone:
        said += f": of {size(one.memory)} its weights take {size(one.weights)} and leave too little to work in"
    else:
        said += f" with {counted(one.context, 'token')} for {people(one.sequences)}"
        if one.largest:
            return f"{said}; with {at_most(one.largest)}{'' if one.sequences == 1 else ' each'} it does"
        return f"{said}; for one person {at_most(one.largest_alone)} fit"
    return f"{said}; {one.way_out}" if one.way_out else said
