"""What the Vocabulary page found, in sentences: the headings of its tables and charts."""

from __future__ import annotations

import numpy as np

from lmloupe.vocabulary.counts import VocabularyStats
from lmloupe.vocabulary.writing_systems import SCRIPT_CLASSES
from ui.base.chips import visible
from ui.base.words import counted, percent
from ui.tokenizers.choice import Choice

__all__ = ["found_sentence", "kinds_sentence", "lengths_sentence", "scripts_sentence", "unreached_sentence"]


def found_sentence(choice: Choice, typed: str, by: str, n_found: int, n_tokens: int) -> str:
    """What the search found, as the heading of its table."""
    of = f"of the {n_tokens:,} tokens of {choice.label}"
    if not typed:
        return f"All {n_tokens:,} tokens of {choice.label}"
    none = "None" if n_found == 0 else "One" if n_found == 1 else f"{n_found:,}"
    one = n_found == 1
    what = {
        "text": f"{'contains' if one else 'contain'} “{visible(typed[:40])}”",
        "bytes": f"{'contains' if one else 'contain'} the bytes {typed[:40]}",
        "regex": f"{'matches' if one else 'match'} the pattern {typed[:40]}",
        "ids": f"{'has' if one else 'have'} ids in the range {typed[:40]}",
    }[by]
    return f"{none} {of} {what}"


def scripts_sentence(stats: VocabularyStats) -> str:
    """The two largest writing systems, as the heading of their chart."""
    counts = [(name, n) for name, n in stats.scripts.items() if n and name not in SCRIPT_CLASSES[:7]]
    total = sum(stats.scripts.values())
    if not counts:
        return "No token has a letter"
    first = f"{counts[0][1] / total:.0%} of the tokens are {counts[0][0]} letters"
    return first if len(counts) == 1 else f"{first}; {counts[1][0]} comes next with {counts[1][1] / total:.1%}"


def kinds_sentence(stats: VocabularyStats) -> str:
    """How many tokens are not text by themselves, as the heading of their chart."""
    parts = stats.kinds["partial"] + stats.kinds["byte"]
    special = stats.kinds["special"]
    return (
        f"{parts:,} of {stats.n_tokens:,} tokens {'is a part' if parts == 1 else 'are parts'} of characters; "
        f"{special:,} {'is' if special == 1 else 'are'} special"
    )


def lengths_sentence(stats: VocabularyStats) -> str:
    """The middle length, as the heading of the chart."""
    sums = np.cumsum(stats.char_length_counts)
    middle = int(np.searchsorted(sums, sums[-1] / 2)) if len(sums) else 0
    share = percent(float(sums[middle] / sums[-1])) if len(sums) and sums[-1] else "0%"
    return f"{share} of the tokens have at most {counted(middle, 'character')}"


def unreached_sentence(choice: Choice, stats: VocabularyStats) -> str:
    """How many tokens no text becomes, as the heading of their table."""
    n = len(stats.unreachable_ids)
    if not stats.n_tested:
        return f"No token of {choice.label} could be tested: none is text by itself"
    if not n:
        return f"A text can reach every one of the {stats.n_tested:,} tested tokens of {choice.label}"
    verb = "is" if n == 1 else "are"
    return (
        f"{counted(n, 'token')} of {choice.label} {verb} never reached ({stats.unreachable_share:.2%} of those tested)"
    )
