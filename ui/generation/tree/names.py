"""What branches and their probabilities are called."""

from __future__ import annotations

import math

import lmloupe as lm
from ui.base.words import counted, probability

__all__ = ["branch_name", "how_it_ended", "path_words", "sentence"]

_ENDS = {
    "stop": "ended by an end token",
    "length": "as long as was asked for",
    "context": "ended where the context is full",
    "": "stopped",
}


def branch_name(branch: lm.Branch) -> str:
    """Its name, or its number."""
    return f"“{branch.name}”" if branch.name else f"branch {branch.number}"


def sentence(words: str) -> str:
    """Words that begin a sentence: their first letter large, the others as they are.

    >>> sentence("branch 2")
    'Branch 2'
    """
    return words[:1].upper() + words[1:]


def how_it_ended(branch: lm.Branch) -> str:
    """Why a branch has no further token."""
    forced = branch.forced
    if branch.steps and len(branch.steps) - 1 in forced:
        return "ends with what was put there"
    return _ENDS[branch.ended_by]


def path_words(log_prob: float, n: int) -> str:
    """The probability of a path of ``n`` tokens, as bits and as percent."""
    if n == 0:
        return "no token yet"
    bits = 0.0 - log_prob / math.log(2)
    share = _share(log_prob)
    return f"{share} probable ({bits:.1f} bits; {bits / n:.2f} for each of {counted(n, 'token')})"


def _share(log_prob: float) -> str:
    share = math.exp(log_prob)
    if share > 1e-300:
        return probability(min(1.0, share))
    return "less than 10⁻²⁹⁸%"
