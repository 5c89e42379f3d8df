"""A class in sentences: true for one person, for nobody in time, for more than can be counted."""

from __future__ import annotations

import lmloupe as lm
from ui.planner.classroom.speeds import Speed
from ui.planner.words import a_card, people

__all__ = ["MOST", "assumptions", "class_finding", "how_fast", "rate", "seconds"]

MOST = 10_000
"""As many as `lmloupe.class_capacity` counts."""


def seconds(s: float) -> str:
    """A time as a person reads it.

    >>> seconds(0.042), seconds(3.61), seconds(45.6), seconds(226.9), seconds(9000)
    ('0.04 s', '3.6 s', '46 s', '3 min 47 s', '2 h 30 min')
    """
    if s < 9.95:
        return f"{s:.2f} s" if s < 0.095 else f"{s:.1f} s"
    if s < 99.5:
        return f"{s:.0f} s"
    minutes, rest = divmod(round(s), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if minutes else f"{hours:,} h"


def class_finding(found: lm.ClassCapacity, patience_s: float, *, bound: bool) -> str:
    """The heading: what the chosen class waits, and the largest class that does not wait too long.

    Args:
        found: the class.
        patience_s: how long an answer may take.
        bound: whether the speed is one that no program can beat, so that waits are at least these.
    """
    least = "at least " if bound else ""
    if found.students == 1:
        said = f"One person alone waits {least}{seconds(found.answer_s)} for an answer"
    else:
        said = f"{people(found.students)} wait {least}{seconds(found.answer_s)} for an answer on average"
    within = seconds(patience_s)
    if found.most_students == 0:
        alone = "" if found.students == 1 else f": one alone waits {least}{seconds(found.alone_s)}"
        return f"{said}; nobody gets one within {within}{alone}"
    if found.most_students >= MOST:
        return f"{said}; {MOST:,} people and more get theirs within {within}"
    most = found.most_students
    can = "can get" if bound else "gets" if most == 1 else "get"
    more = "no more than " if bound else "up to " if most > 1 else "only "
    return f"{said}; {more}{people(most)} {can} theirs within {within}"


def rate(per_s: float) -> str:
    """A number of tokens a second: three digits, and from a thousand on all of them."""
    return f"{per_s:,.3g}" if per_s < 999.5 else f"{per_s:,.0f}"


def how_fast(known: Speed, card: lm.Card, replicas: int) -> str:
    """Where the speed is from, in a sentence."""
    copies = "" if replicas == 1 else f", by each of {replicas:,} copies"
    where = {
        "typed": f"as typed{copies}",
        "measured": f"measured on this server by asking the loaded model{copies}",
        "speed page": f"measured on this server by the page Bytes and speed{copies}",
        "bound": f"the bandwidth of {a_card(card.name)} by the bytes that each token has to read, an upper bound"
        f"{copies}",
    }[known.source]
    return f"{rate(known.written)} tokens/s for one person alone: {where}."


def assumptions(known: Speed, together: int) -> str:
    """What else the numbers rest on."""
    if known.source == "bound":
        said = (
            "A prompt is counted as one pass over all weights, the least that it can take, and a pass for 32 people as "
            f"{known.cost:.3g} times one for a single person, for the caches that it reads besides: waits are not "
            "shorter than these, and mostly longer."
        )
    else:
        read = "eight times as fast, which is assumed" if known.read is None else f"at {known.read:,.0f} tokens/s"
        assumed = " (assumed: what SmolLM2 took on one core)" if known.cost_assumed else ""
        said = (
            f"Prompts are read {read}; a pass for 32 people takes {known.cost:.3g} times one for a single "
            f"person{assumed}."
        )
    served = "1 text is" if together == 1 else f"{together:,} texts are"
    return (
        f"{said} At most {served} written at once by each copy. Everybody thinks, asks and waits in their own time; "
        "equal questions, which are answered once, would make it quicker."
    )
