"""Tables of Next token. pandas frames are made in modules like this one alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

import lmloupe as lm
from ui.base.labels import token_label
from ui.base.loaders import BY_TOKENIZER, engine, next_token
from ui.components.distribution_view import RULES, setting_words

__all__ = [
    "best_ids",
    "draws_table",
    "next_token_table",
    "phrase_table",
    "scores_table",
    "settings_table",
    "stages_table",
    "vocabulary_labels",
]


def vocabulary_labels(tok: lm.Tokenizer, rows: int) -> NDArray[np.object_]:
    """The label of every row of a model's matrix, object (rows,); a second for the largest vocabularies, then kept."""
    return _labels(tok, rows)[1]


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=BY_TOKENIZER)
def _labels(tok: lm.Tokenizer, rows: int) -> tuple[lm.Tokenizer, NDArray[np.object_]]:
    return tok, np.array([token_label(tok, i) for i in range(rows)], object)


def best_ids(scores: np.ndarray, n: int) -> NDArray[np.intp]:
    """Ids of the ``n`` largest scores, the largest first and equal ones by id; no sort of the whole vocabulary."""
    if n >= len(scores):
        return np.argsort(-scores, kind="stable")
    last = np.partition(scores, -n)[-n]
    above, equal = np.flatnonzero(scores > last), np.flatnonzero(scores == last)
    return np.concatenate([above[np.argsort(-scores[above], kind="stable")], equal[: n - len(above)]])


def next_token_table(
    tok: lm.Tokenizer, ids: Sequence[int], log_probs: np.ndarray, final_probs: np.ndarray
) -> pd.DataFrame:
    """One row a token: rank, token, id, the model's probability, its surprisal in bits, and what is drawn with."""
    chosen = np.asarray(ids)
    return pd.DataFrame(
        {
            "Rank": np.arange(1, len(chosen) + 1),
            "Token": [token_label(tok, int(i)) for i in chosen],
            "Id": chosen,
            "Probability": np.exp(log_probs[chosen]),
            "Bits": -log_probs[chosen] / np.log(2),
            "Drawn with": final_probs[chosen],
        }
    )


@st.cache_resource(max_entries=8, show_spinner=False)
def _model_rows(model: str, quantization: lm.Quantization, ids: tuple[int, ...]) -> tuple[pd.DataFrame, np.ndarray]:
    """What no sampling setting changes of `scores_table`, and the ids in its order."""
    answer = next_token(model, quantization, ids)
    order = np.argsort(-answer.logits, kind="stable")
    logs = answer.log_probs[order]
    frame = pd.DataFrame(
        {
            "Rank": np.arange(1, len(order) + 1, dtype=np.int32),
            "Token": vocabulary_labels(engine(model, quantization).tokenizer, len(order))[order],
            "Id": order.astype(np.int32),
            "Logit": answer.logits[order],
            "Probability": np.exp(logs),
            "Bits": -logs / np.log(2),
        }
    )
    return frame, order


def scores_table(
    model: str, quantization: lm.Quantization, ids: tuple[int, ...], stages: Sequence[lm.Stage]
) -> pd.DataFrame:
    """One row for every token of the vocabulary, the most probable first; "Removed by" names the stage that did."""
    rows, order = _model_rows(model, quantization, ids)
    by = np.zeros(len(order), np.int8)
    for number, stage in reversed([*enumerate(stages)]):
        by[~stage.kept] = number
    names = ["", *(RULES[stage.name] for stage in stages[1:])]
    return rows.assign(
        **{
            "Drawn with": stages[-1].probs[order],
            "Removed by": pd.Categorical.from_codes(by[order], categories=names),
        }
    )


def stages_table(stages: Sequence[lm.Stage], sampling: lm.Sampling) -> pd.DataFrame:
    """One row for each rule, the model's own distribution first: its value, what it removed and what it left."""
    names = [stage.name for stage in stages[1:]]
    values = [setting_words(name, sampling) if sampling.applies(name) else "off" for name in names]
    return pd.DataFrame(
        {
            "Rule": ["the model's own", *(RULES[name] for name in names)],
            "Setting": ["", *values],
            "Tokens left": [int(stage.kept.sum()) for stage in stages],
            "Removed": [stage.removed_mass for stage in stages],
            "Entropy (bits)": [stage.entropy_bits for stage in stages],
        }
    )


def draws_table(tok: lm.Tokenizer, probs: np.ndarray, drawn: np.ndarray, n_shown: int) -> pd.DataFrame:
    """The most probable tokens with how often they were rolled.

    "Spread" is twice the standard deviation of the share that a fair draw has (binomial): about 95 % of them fall
    within it.
    """
    counts = np.bincount(drawn, minlength=len(probs))
    best = best_ids(probs, n_shown)
    best = best[probs[best] > 0]
    chance = probs[best]
    return pd.DataFrame(
        {
            "Token": [token_label(tok, int(i)) for i in best],
            "Id": best,
            "Drawn with": chance,
            "Rolled": counts[best],
            "Share rolled": counts[best] / len(drawn),
            "Expected": chance * len(drawn),
            "Spread": 2 * np.sqrt(chance * (1 - chance) / len(drawn)),
        }
    )


def phrase_table(
    tok: lm.Tokenizer, ids: Sequence[int], log_probs: np.ndarray, ranks: np.ndarray | None
) -> pd.DataFrame:
    """One row a token of a phrase: its probability after all before it, and the product up to it."""
    logs = np.asarray(log_probs, np.float64)
    table = pd.DataFrame(
        {
            "Token": [token_label(tok, int(i)) for i in ids],
            "Id": ids,
            "Probability": np.exp(logs),
            "Bits": -logs / np.log(2),
            "Product so far": np.exp(np.cumsum(logs)),
        }
    )
    if ranks is not None:
        table.insert(3, "Rank", ranks)
    return table


def settings_table(tok: lm.Tokenizer, own: np.ndarray, first: np.ndarray, second: np.ndarray, n: int) -> pd.DataFrame:
    """The tokens that lead under the model or under either settings, by the model's own probability."""
    leading = np.unique(np.concatenate([best_ids(probs, n) for probs in (own, first, second)]))
    order = leading[np.argsort(-own[leading], kind="stable")]
    return pd.DataFrame(
        {
            "Token": [token_label(tok, int(i)) for i in order],
            "Id": order,
            "Probability": own[order],
            "First": first[order],
            "Second": second[order],
        }
    )
