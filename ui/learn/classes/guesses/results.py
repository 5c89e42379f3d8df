"""What a class has guessed: how many each answer, and the sentence over the chart. Knows no Streamlit."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ui.base.words import counted
from ui.learn.facts import Value
from ui.learn.lessons.judging import judge, read_cuts, read_number, shown
from ui.learn.lessons.lesson import Question

__all__ = ["Bar", "Histogram", "bars_of", "cuts_of", "histogram_of", "sentence"]

MOST_WORDS, MOST_BINS = 10, 12


@dataclass(frozen=True, slots=True)
class Bar:
    """One answer.

    Attributes:
        label: as a person wrote or chose it; plain text.
        n: how many gave it.
        right: whether it is right; None where nobody knows.
    """

    label: str
    n: int
    right: bool | None


@dataclass(frozen=True, slots=True)
class Histogram:
    """Numbers that were guessed.

    Attributes:
        edges: of the bins, one more than there are bins.
        counts: how many lie in each; the last bin has its right edge too.
        below: how many lie below the first edge, too far away to be drawn.
        above: how many lie above the last one.
        answer: the right number, between the edges; None where nobody knows.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    below: int
    above: int
    answer: float | None


def bars_of(question: Question, guesses: Sequence[str], answer: Value | None) -> tuple[Bar, ...]:
    """Choices in their own order; words grouped, the most frequent first, the right one always among them.

    Words are the same where `judge` would take one for the other: capital letters and quotes do not count.

    >>> from ui.learn.facts import Fact
    >>> word = Question("word", "?", Fact("", ()))
    >>> [(bar.label, bar.n, bar.right) for bar in bars_of(word, ["Paris", "paris", "Rome"], "paris")]
    [('Paris', 2, True), ('Rome', 1, False)]
    """
    if question.kind == "choice":
        chosen = Counter(guesses)
        return tuple(Bar(one, chosen[one], _right(question, one, answer)) for one in question.choices)
    groups: list[Counter[str]] = []
    for guess in guesses:
        group = next((one for one in groups if judge(question, guess, next(iter(one)))), None)
        if group is None:
            groups.append(group := Counter())
        group[guess] += 1
    groups.sort(key=lambda one: -one.total())
    bars = [Bar(one.most_common(1)[0][0], one.total(), _right(question, next(iter(one)), answer)) for one in groups]
    if answer is not None and not any(bar.right for bar in bars):
        bars.append(Bar(str(answer), 0, True))
    kept = bars[:MOST_WORDS] + [bar for bar in bars[MOST_WORDS:] if bar.right]
    others = [bar for bar in bars if bar not in kept]
    if others:
        kept.append(Bar(counted(len(others), "other word"), sum(bar.n for bar in others), False if answer else None))
    return tuple(kept)


def cuts_of(question: Question, guesses: Sequence[str], answer: Value | None) -> tuple[Bar, ...]:
    """For each place between two letters of the word, how many cut there; the first is the one after one letter."""
    places = Counter(place for guess in guesses for place in read_cuts(guess, len(question.text)) or ())
    right = answer if isinstance(answer, tuple) else None
    return tuple(
        Bar(f"{question.text[:i]}|{question.text[i:]}", places[i], None if right is None else i in right)
        for i in range(1, len(question.text))
    )


def histogram_of(question: Question, guesses: Sequence[str], answer: Value | None) -> Histogram | None:
    """Bins of equal width around the guesses and the answer; None without any number.

    What lies further than three times the interquartile range from the quartiles (Tukey's outer fences) is counted and
    not drawn, so that one guess of a billion does not press all others into one bar.
    """
    numbers = sorted(number for guess in guesses if (number := read_number(guess)) is not None)
    right = float(answer) if isinstance(answer, int | float) else None
    if right is not None and question.unit == "%":
        right *= 100
    drawn = [*numbers, *([] if right is None else [right])]
    if not drawn:
        return None
    low, high = drawn[0], drawn[0]
    if len(numbers) >= 4:
        first, _, third = statistics.quantiles(numbers, n=4, method="inclusive")
        fence = 3 * (third - first) or max(1.0, abs(third))
        inside = [number for number in numbers if first - fence <= number <= third + fence]
        drawn = [*inside, *([] if right is None else [right])]
    low, high = min(drawn), max(drawn)
    edges = _edges(low, high, whole=all(float(number).is_integer() for number in drawn))
    counts = [0] * (len(edges) - 1)
    inside = [number for number in numbers if edges[0] <= number <= edges[-1]]
    for number in inside:
        at = next(i for i, edge in enumerate(edges[1:]) if number < edge or i == len(counts) - 1)
        counts[at] += 1
    below = sum(number < edges[0] for number in numbers)
    return Histogram(edges, tuple(counts), below, len(numbers) - len(inside) - below, right)


def _edges(low: float, high: float, *, whole: bool) -> tuple[float, ...]:
    """Edges of at most `MOST_BINS` bins of a round width; whole numbers lie in the middle of theirs."""
    if whole and high - low < MOST_BINS:
        return tuple(low - 0.5 + i for i in range(int(high - low) + 2))
    if high == low:
        reach = abs(low) * 0.1 or 1.0
        return low - reach, low + reach
    rough = (high - low) / (MOST_BINS - 2)
    power = 10 ** math.floor(math.log10(rough))
    width = power * next(step for step in (1, 2, 5, 10) if step * power >= rough)
    first, last = math.floor(low / width), math.floor(high / width) + 1
    return tuple(i * width for i in range(first, last + 1))


def sentence(question: Question, guesses: Sequence[str], answer: Value | None) -> str:
    """What the class thought, with its numbers, as plain text.

    >>> from ui.learn.facts import Fact
    >>> which = Question("choice", "?", Fact("", ()), ("A", "B"))
    >>> sentence(which, ["A", "B", "B"], "B"), sentence(which, ["A"], "B"), sentence(which, [], "B")
    ('2 of 3 are right: it is B', 'The one guess is wrong: it is B', 'Nobody has guessed: it is B')
    >>> sentence(which, ["A", "B", "B"], None), sentence(which, ["A", "B"], None)
    ('2 of 3 say B', '2 guesses, and no answer is ahead')
    """
    n = len(guesses)
    if answer is None:
        return _without_answer(question, guesses)
    right = sum(judge(question, guess, answer) for guess in guesses)
    true = f"it is {shown(question, answer)}"
    if n == 0:
        return f"Nobody has guessed: {true}"
    if n == 1:
        return f"The one guess is {'right' if right else 'wrong'}: {true}"
    if right in (0, n):
        return f"{'All' if right else 'None of'} {n:,} are right: {true}"
    return f"{right:,} of {n:,} {'is' if right == 1 else 'are'} right: {true}"


def _without_answer(question: Question, guesses: Sequence[str]) -> str:
    n = len(guesses)
    if n < 2:
        return f"The one guess is {shown(question, guesses[0])}" if n else "Nobody has guessed"
    if question.kind == "number":
        numbers = [number for guess in guesses if (number := read_number(guess)) is not None]
        middle = statistics.median(numbers) if numbers else math.nan
        return f"{n:,} guesses; half of them are {shown(question, f'{middle:g}')} or less"
    same = Counter(shown(question, guess) for guess in guesses) if question.kind == "cut" else None
    bars = [Bar(label, k, None) for label, k in same.items()] if same else list(bars_of(question, guesses, None))
    first, *rest = sorted(bars, key=lambda bar: -bar.n)
    if rest and rest[0].n == first.n:
        return f"{n:,} guesses, and no answer is ahead"
    label = first.label if question.kind != "word" else f"“{first.label}”"
    return f"{first.n:,} of {n:,} say {label}" if first.n < n else f"All {n:,} say {label}"


def _right(question: Question, guess: str, answer: Value | None) -> bool | None:
    return None if answer is None else judge(question, guess, answer)
