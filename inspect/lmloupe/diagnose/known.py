"""Look for the known messages in a text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lmloupe.diagnose.linear import compiled
from lmloupe.diagnose.pattern import Pattern
from lmloupe.diagnose.patterns.generating import GENERATING
from lmloupe.diagnose.patterns.inputs import INPUTS
from lmloupe.diagnose.patterns.loading import LOADING
from lmloupe.diagnose.patterns.prompting import PROMPTING
from lmloupe.diagnose.patterns.quantizing import QUANTIZING
from lmloupe.diagnose.places import Places
from lmloupe.diagnose.results import Diagnosis

__all__ = ["KNOWN", "diagnosis_of", "known_messages"]

KNOWN: tuple[Pattern, ...] = (*INPUTS, *PROMPTING, *GENERATING, *LOADING, *QUANTIZING)
"""Every known message."""
_MOST_TIMES = 10_000


def known_messages(places: Places) -> Iterator[Diagnosis]:
    """One finding for each known message in the text, at its first place."""
    for pattern in KNOWN:
        expression = "(?i)" + "|".join(f"(?:{one.replace(' ', WHITE_SPACE)})" for one in pattern.seen)
        first, times = None, 0
        for match in compiled(expression).finditer(places.data):
            first = first or match
            times += 1
            if times == _MOST_TIMES:
                break
        if first is not None:
            yield diagnosis_of(pattern, places, places.span(*first.span()), times, _groups(first))


WHITE_SPACE = r"[\s│|]+"
"""What may stand between two words of a message: a terminal breaks lines, and some draw a box around them."""


def diagnosis_of(
    pattern: Pattern,
    places: Places,
    span: tuple[int, int, int],
    times: int = 1,
    groups: dict[str, str] | None = None,
    other: dict[str, str] | None = None,
) -> Diagnosis:
    """What a pattern says, at a place.

    Args:
        pattern: what was seen.
        places: the whole text.
        span: first character, character after the last one, line from 1.
        times: how often.
        groups: what its named groups matched.
        other: fields that read differently here.
    """
    fields = {
        "means": pattern.means,
        "why": pattern.why,
        "before": pattern.before,
        "after": pattern.after,
        "page": pattern.page,
    }
    if pattern.adapt is not None:
        fields |= pattern.adapt(groups or {}, places.text)
    fields |= other or {}
    start, end, line = span
    return Diagnosis(
        key=pattern.key,
        kind=pattern.kind,
        library=pattern.library,
        start=start,
        end=end,
        line=line,
        times=times,
        **fields,
    )


def _groups(match: Any) -> dict[str, str]:
    return {name: value.decode("utf-8", "replace") for name, value in match.groupdict().items() if value is not None}
