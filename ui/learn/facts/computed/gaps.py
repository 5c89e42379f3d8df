"""Facts about a gap in a sentence, as `lmloupe.Engine.gap` answers them."""

from __future__ import annotations

from functools import cache
from typing import Literal

import lmloupe as lm
from ui.learn.facts.computed.model import loaded
from ui.learn.facts.registry import fact

__all__ = ["gap_changes", "gap_share", "gap_winner"]

OWN_TOKENS = 5
"""How many of the model's own tokens are candidates too: what the page Masked and causal begins with."""


@fact(slow=True)
def gap_changes(*, left: str, right: str, other: str) -> str:
    """``Yes`` where what the model expects after ``left`` depends on which of two texts follows the gap, else ``No``.

    >>> gap_changes(left="The capital of ", right=" is Paris.", other=" is Rome.")
    'No'
    """
    found = loaded().gap(left, right, other_rights=[other], top_k=0)
    return "No" if found.largest_change <= found.tolerance else "Yes"


@fact(slow=True)
def gap_share(*, left: str, right: str, candidates: str, word: str, by: Literal["left", "whole"]) -> float:
    """Share of a word among candidates, parted by commas, and the model's five own: by the left side or by the whole.

    >>> sides = {"left": "The capital of ", "right": " is Paris."}
    >>> gap_share(**sides, candidates="France,Japan", word="France", by="whole") > 0.9
    True
    """
    found = _gap(left, right, candidates)
    at = [one.text for one in found.candidates].index(word)
    return float((found.left_shares if by == "left" else found.whole_shares)[at])


@fact(slow=True)
def gap_winner(*, left: str, right: str, candidates: str, by: Literal["left", "whole"]) -> str:
    """The candidate with the largest share, the model's own among them.

    >>> gap_winner(left="The capital of ", right=" is Rome.", candidates="France,Italy", by="whole")
    'Italy'
    """
    found = _gap(left, right, candidates)
    shares = found.left_shares if by == "left" else found.whole_shares
    return found.candidates[int(shares.argmax())].text


@cache
def _gap(left: str, right: str, candidates: str) -> lm.Gap:
    return loaded().gap(left, right, [one.strip() for one in candidates.split(",")], top_k=OWN_TOKENS)
