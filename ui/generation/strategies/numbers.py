"""What a text comes to in numbers: how probable it is, how long, how varied, how fast it was written."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from ui.base.words import counted, percent
from ui.generation.strategies.work import Row, Written

__all__ = ["DEFINITIONS", "bits", "distinct", "ended_words", "facts", "normalized", "rate", "table"]

DEFINITIONS = (
    "- **log₂ P**: the sum of the model’s own log probabilities of the tokens, in bits, before any sampling setting. "
    "One bit more is twice as probable.\n"
    "- **Score**: log₂ P divided by tokens to the power of beam search’s length penalty, now {penalty:g}.\n"
    "- **Different tokens** and **different pairs** (distinct-1 and distinct-2; Li et al., 2016): different tokens as "
    "a share of all tokens, different pairs of neighbours as a share of all pairs. Low: the text repeats itself.\n"
    "- **Tokens/s**: tokens of the text after the first one, by the seconds after the first step. Of speculative "
    "decoding all its tokens, by the seconds of drafting and verifying. Measured on this server when the text was "
    "written, with the steps of other sessions in between."
)


def bits(written: Written) -> float:
    """log₂ of the probability of the text."""
    return math.fsum(written.log_probs) / math.log(2)


def normalized(written: Written, length_penalty: float) -> float:
    """`bits` divided by tokens to the power of the length penalty.

    >>> normalized(Written((5, 6), (-math.log(2), -3 * math.log(2)), 0, 1, "stop", ()), 1.0)
    -2.0
    """
    return bits(written) / math.pow(len(written.token_ids), length_penalty)


def distinct(ids: Sequence[int], n: int) -> float | None:
    """Different runs of ``n`` tokens as a share of all; None where the text is shorter.

    >>> distinct([5, 6, 5, 6], 1), distinct([5, 6, 5, 6], 2), distinct([5], 2)
    (0.5, 0.6666666666666666, None)
    """
    runs = [tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)]
    return len(set(runs)) / len(runs) if runs else None


def rate(written: Written) -> float | None:
    """Tokens per second; None where there are too few."""
    return written.n_timed / written.seconds if written.n_timed > 0 and written.seconds > 0 else None


def ended_words(ended_by: str, n: int) -> str:
    """What ended a text of ``n`` tokens, in a few words.

    >>> ended_words("length", 1), ended_words("stop", 5)
    ('cut off at 1 token', 'an end token')
    """
    words = {"stop": "an end token", "length": f"cut off at {counted(n, 'token')}", "context": "the end of the context"}
    return words.get(ended_by, "not ended")


def facts(row: Row, length_penalty: float) -> list[str]:
    """The numbers of a row in a few words each, the most important first."""
    written = row.written
    if written is None or not written.token_ids:
        return []
    ids, speed = written.token_ids, rate(written)
    found = [
        f"log₂ P {_signed(bits(written))}",
        f"score {_signed(normalized(written, length_penalty), 2)}",
        counted(len(ids), "token"),
        f"different tokens {_share(distinct(ids, 1))}",
        f"different pairs {_share(distinct(ids, 2))}",
    ]
    if row.finished:
        found += [f"{speed:.1f} tokens/s"] if speed else []
        words = ended_words(written.ended_by, len(ids))
        found.append(words if written.ended_by == "length" else f"ended by {words}")
    return found


def _signed(value: float, digits: int = 1) -> str:
    return f"{value:.{digits}f}".replace("-", "−")


def _share(value: float | None) -> str:
    return "–" if value is None else percent(value)


def table(rows: Sequence[Row], length_penalty: float, texts: Sequence[str]) -> pd.DataFrame:
    """A row for each strategy that has written something."""
    there = [(row, row.written, text) for row, text in zip(rows, texts, strict=True) if row.written is not None]
    return pd.DataFrame(
        {
            "Strategy": [row.asked.name for row, *_ in there],
            "log₂ P": [bits(written) for _, written, _ in there],
            "Score": [normalized(written, length_penalty) for _, written, _ in there],
            "Tokens": [len(written.token_ids) for _, written, _ in there],
            "Distinct-1": [distinct(written.token_ids, 1) for _, written, _ in there],
            "Distinct-2": [distinct(written.token_ids, 2) for _, written, _ in there],
            "Tokens/s": [rate(written) for _, written, _ in there],
            "Ended by": [
                ended_words(written.ended_by, len(written.token_ids)) if row.finished else "not ended"
                for row, written, _ in there
            ],
            "Text": [text for *_, text in there],
        }
    )
