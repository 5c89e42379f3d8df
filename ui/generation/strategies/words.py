"""What the strategies come to, in one sentence that is true of ties, of one and of none."""

from __future__ import annotations

from collections.abc import Sequence

from ui.base.words import counted
from ui.generation.strategies.numbers import bits, normalized
from ui.generation.strategies.work import Row, Written

__all__ = ["strategies_finding"]

ALIKE_BITS = 0.05
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six")


def strategies_finding(rows: Sequence[Row], length_penalty: float) -> str:
    """What the finished texts show, the ones that still run left out."""
    done = [(row, row.written) for row in rows if row.finished and row.written is not None]
    if not rows:
        return "No strategy is chosen: choose one under Settings"
    if not done:
        waiting = any(row.error is None for row in rows)
        name = rows[0].asked.name
        if not waiting:
            return "None of the chosen strategies works here" if len(rows) > 1 else f"{name} does not work here"
        return f"{name} is writing …" if len(rows) == 1 else f"{_words(len(rows))} strategies go on from one prompt …"
    if len(done) == 1:
        row, written = done[0]
        return (
            f"{row.asked.name} wrote {counted(len(written.token_ids), 'token')} with log₂ P = {_minus(bits(written))}"
        )
    texts = {written.token_ids for _, written in done}
    if len(texts) == 1:
        both = "Both" if len(done) == 2 else f"All {_words(len(done)).lower()}"
        return f"{both} strategies wrote the same text"
    by_name = {row.asked.strategy: written for row, written in done}
    if "beam" in by_name and "greedy" in by_name:
        return _beam_against_greedy(by_name["beam"], by_name["greedy"], length_penalty)
    return _most_probable(done)


def _beam_against_greedy(beam: Written, greedy: Written, length_penalty: float) -> str:
    if beam.token_ids == greedy.token_ids:
        return "Beam search found the same text as greedy: none that ranks higher"
    more = bits(beam) - bits(greedy)
    if abs(more) < ALIKE_BITS:
        return "Beam search found another text than greedy, and it is just as probable"
    if more > 0:
        return f"Beam search found a text {_times(more)} as probable as greedy’s ({more:.1f} bits more)"
    theirs, ours = normalized(greedy, length_penalty), normalized(beam, length_penalty)
    less = f"Greedy’s text is {_times(-more)} as probable as beam search’s ({-more:.1f} bits more)"
    if ours > theirs:
        return f"{less}, but that one scores higher for its length: {_minus(ours, 2)} against {_minus(theirs, 2)}"
    return f"{less}, which found no better one"


def _most_probable(done: Sequence[tuple[Row, Written]]) -> str:
    best = max(bits(written) for _, written in done)
    first = [row.asked.name for row, written in done if bits(written) > best - ALIKE_BITS]
    n = len({written.token_ids for _, written in done})
    if len(first) == 1:
        return f"{first[0]} wrote the most probable of {_words(n).lower()} texts: log₂ P = {_minus(best)}"
    names = f"{', '.join(first[:-1])} and {first[-1]}"
    return f"{names} wrote the most probable of {_words(n).lower()} texts: log₂ P = {_minus(best)}"


def _times(more_bits: float) -> str:
    """How many times as probable, at least `ALIKE_BITS` more."""
    if more_bits > 20:
        return "over a million times"
    times = 2.0**more_bits
    return f"{times:,.0f} times" if times >= 10 else f"{times:.1f} times"


def _words(n: int) -> str:
    return _NUMBERS[n].capitalize()


def _minus(value: float, digits: int = 1) -> str:
    return f"{value:.{digits}f}".replace("-", "−")
