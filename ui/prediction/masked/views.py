"""A gap as the page shows it: the sentence as each model sees it, ranks, bars and tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import lmloupe as lm
from ui.base.labels import token_label
from ui.base.loaders import display_name
from ui.base.words import probability
from ui.components.bar_table import BarCell, BarRow
from ui.components.gap_view import RankColumn, RankItem, Strip

__all__ = ["candidate_table", "columns", "finding_of", "guess_rows", "right_headings", "strips", "unchanged"]

N_GUESSES = 5
MOST_HEADING = 28


def finding_of(name: str, tok: lm.Tokenizer, found: lm.Gap) -> str:
    """What leads before and after the right side counts, in one sentence of plain text."""
    if found.right_side_is_seen:
        return f"{name}'s scores at the gap change with what comes after it: it does not read from left to right only"
    if not found.candidates:
        return f"{name}'s first guess is “{_best(tok, found.logits)}”, whatever comes after the gap"
    before, after = (found.candidates[int(shares.argmax())].text for shares in (found.left_shares, found.whole_shares))
    if len(found.candidates) == 1:
        return f"“{before}” is the only candidate, and the right side can change nothing about its rank"
    if before == after:
        return f"“{before}” leads by the left side alone, and by the whole sentence too"
    return f"From the left alone {name} says “{before}”; the whole sentence makes it “{after}”"


def _best(tok: lm.Tokenizer, logits: NDArray[np.float32]) -> str:
    return token_label(tok, int(logits.argmax()))


def strips(
    name: str, tok: lm.Tokenizer, found: lm.Gap, masked: lm.MaskedModel | None, by_masked: lm.MaskedGap | None
) -> list[Strip]:
    """The sentence as the causal model sees it, and as the masked one does where there is one."""
    n = len(found.input_ids)
    read = found.rights[0].input_ids.tolist()
    left, right = ([token_label(tok, i) for i in part] for part in (read[:n], read[n:]))
    rows = [
        Strip(
            f"{name}, causal",
            left,
            _best(tok, found.logits),
            right,
            False,
            "sees the left side only; boxed: its first guess",
        )
    ]
    if masked is not None and by_masked is not None:
        own, at, ids = masked.tokenizer, by_masked.mask_position, by_masked.input_ids.tolist()
        left, right = ([token_label(own, i) for i in part] for part in (ids[:at], ids[at + 1 :]))
        called = f"{display_name(masked.describe().name)}, masked"
        rows.append(
            Strip(called, left, _best(own, by_masked.logits), right, True, "sees both sides; boxed: its first guess")
        )
    return rows


def columns(found: lm.Gap, by_masked: lm.MaskedGap | None) -> list[RankColumn]:
    """The candidates by the left side, by the whole sentence, and by the masked model where there is one."""
    texts = [one.text for one in found.candidates]
    ways = [
        ("By the left side", "left + candidate", found.left_shares, [one.left_log_prob for one in found.candidates]),
        (
            "By the whole sentence", "left + candidate + right", found.whole_shares,
            [one.whole_log_prob for one in found.candidates],
        ),
    ]  # fmt: skip
    if by_masked is not None:
        logs = [one.log_prob for one in by_masked.candidates]
        ways.append(("By the masked model", "at the mask, both sides seen", by_masked.shares, logs))
    return [RankColumn(title, below, _ranked(texts, shares, logs)) for title, below, shares, logs in ways]


def _ranked(texts: list[str], shares: NDArray[np.float64], logs: list[float]) -> list[RankItem]:
    order = np.argsort(-np.asarray(logs), kind="stable").tolist()
    return [
        RankItem(
            texts[i], float(shares[i]), probability(float(shares[i])),
            f"ln P = {logs[i]:.2f}: the log-probabilities of its tokens, added up",
        )
        for i in order
    ]  # fmt: skip


def right_headings(found: lm.Gap) -> list[str]:
    """A heading for the scores after the left side alone, and one for each right side."""
    texts = [one.text.strip() for one in found.rights]
    short = [text if len(text) <= MOST_HEADING else text[: MOST_HEADING - 1] + "…" for text in texts]
    return ["Nothing after the gap", *(f"… {text}" for text in short)]


def guess_rows(tok: lm.Tokenizer, found: lm.Gap) -> list[BarRow]:
    """The most probable tokens at the gap, with their probability in each pass."""
    each = [np.exp(found.log_probs), *(one.probs for one in found.rights)]
    best = np.argsort(-each[0], kind="stable")[:N_GUESSES].tolist()
    return [
        BarRow(
            token_label(tok, i), False,
            [BarCell(float(probs[i]), probability(float(probs[i])), hover=repr(float(probs[i]))) for probs in each],
        )
        for i in best
    ]  # fmt: skip


def unchanged(found: lm.Gap) -> str:
    """How far the right sides moved the scores at the gap, in one sentence."""
    if all(np.array_equal(one.logits, found.logits) for one in found.rights):
        return "Equal bit by bit, whatever comes after the gap."
    change = probability(found.largest_change)
    worst = max(one.off for one in found.rights)
    if found.right_side_is_seen:
        return f"The largest difference of any token's probability is {change}: more than rounding explains."
    return (
        f"No token's probability differs by more than {change}. That is rounding: a pass over more tokens adds "
        f"up in another order ({worst:.0e} of the spread of the scores; up to {found.tolerance:.0e} counts as equal)."
    )


def candidate_table(tok: lm.Tokenizer, found: lm.Gap, by_masked: lm.MaskedGap | None) -> pd.DataFrame:
    """Every candidate with its tokens and log-probabilities, best by the whole sentence first."""
    order = np.argsort([-one.whole_log_prob for one in found.candidates], kind="stable").tolist()
    rows = []
    for i in order:
        one = found.candidates[i]
        row: dict[str, object] = {
            "Candidate": one.text,
            "From": "you" if one.origin == "given" else "the model",
            "Tokens": " ".join(token_label(tok, token) for token in one.token_ids),
            "Joined across an edge": "yes" if one.merges else "no",
            "ln P, left + candidate": one.left_log_prob,
            "ln P, right side after it": one.right_log_prob,
            "ln P, whole": one.whole_log_prob,
            "Share by the left": float(found.left_shares[i]),
            "Share by the whole": float(found.whole_shares[i]),
        }
        if by_masked is not None:
            row["Masks"] = len(by_masked.candidates[i].token_ids)
            row["ln P, masked model"] = by_masked.candidates[i].log_prob
            row["Share by the masked model"] = float(by_masked.shares[i])
        rows.append(row)
    return pd.DataFrame(rows)
