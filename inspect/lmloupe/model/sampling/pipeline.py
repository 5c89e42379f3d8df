"""The pipeline from logits to a draw: repetition penalty, temperature, top-k, top-p, min-p.

The order and the rules are those of transformers' ``GenerationMixin.generate``, whose warpers the
tests compare with. NumPy only, so that a slider moves without the model running again.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmloupe.errors import InvalidSettingError

__all__ = ["Sampling", "Stage", "draw", "log_softmax", "sampling_probs", "sampling_stages"]

FloatArray: TypeAlias = NDArray[np.float64]
_LARGEST = float(np.finfo(np.float64).max)
_SMALLEST = float(np.finfo(np.float64).tiny)  # numbers below it have lost digits
_LEAST = -10_000  # below the binary exponent of every number, penalized or not


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is drawn. These defaults change nothing: the model's own distribution.

    Attributes:
        temperature: logits are divided by it; 0 is greedy, the most probable token always. A temperature near 0
            gives the same but where tokens are exactly as probable as each other: they share.
        top_k: keep the k most probable tokens; 0 keeps all. Fan et al., 2018.
        top_p: keep the smallest set of tokens with at least this probability together; 1 keeps all.
            Holtzman et al., "The Curious Case of Neural Text Degeneration", 2020.
        min_p: keep tokens with at least this share of the largest probability; 0 keeps all.
            Nguyen et al., "Turning Up the Heat: Min-p Sampling", 2024.
        repetition_penalty: logits of tokens already in the text are divided by it when positive and
            multiplied when negative; 1 changes nothing. Keskar et al., "CTRL", 2019.

    Raises:
        InvalidSettingError: a value outside its range.

    >>> Sampling(top_p=1.5)
    Traceback (most recent call last):
    lmloupe.InvalidSettingError: top_p is 1.5, but it must lie between 0 and 1 (above 0).
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, numbers.Real):
                raise InvalidSettingError(f"{name} is {value!r}, but it must be a number.")
        rules = (
            ("temperature", 0 <= self.temperature <= _LARGEST, "be 0 (greedy) or a positive number"),
            (
                "top_k",
                0 <= self.top_k < math.inf and self.top_k == int(self.top_k),
                "be 0 (off) or a positive whole number",
            ),
            ("top_p", 0 < self.top_p <= 1, "lie between 0 and 1 (above 0)"),
            ("min_p", 0 <= self.min_p <= 1, "lie between 0 and 1"),
            ("repetition_penalty", 0 < self.repetition_penalty <= _LARGEST, "be a positive number"),
        )
        for name, holds, rule in rules:
            if not holds:
                raise InvalidSettingError(f"{name} is {getattr(self, name)}, but it must {rule}.")


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """The distribution after one step of the pipeline.

    Attributes:
        name: ``"logits"``, ``"repetition_penalty"``, ``"temperature"``, ``"top_k"``, ``"top_p"`` or ``"min_p"``.
        probs: float64 (vocab,), sums to 1; 0 where a token has been struck out.
        kept: bool (vocab,), False where this or an earlier step struck the token out.
        removed_mass: probability, before this step, of the tokens that it struck out.
        entropy_bits: Shannon entropy of ``probs`` in bits.
    """

    name: str
    probs: FloatArray
    kept: NDArray[np.bool_]
    removed_mass: float
    entropy_bits: float


def log_softmax(logits: ArrayLike) -> FloatArray:
    """Natural-log probabilities, float64, same shape; minus infinity stays minus infinity.

    >>> np.exp(log_softmax([0.0, 0.0])).tolist()
    [0.5, 0.5]
    """
    scores = np.asarray(logits, dtype=np.float64)
    with np.errstate(over="ignore"):  # further below the best than a number can say: probability 0
        shifted = scores - scores.max(axis=-1, keepdims=True)
    result: FloatArray = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result


def entropy_bits(probs: FloatArray) -> float:
    """Shannon entropy in bits; 0 log 0 counts as 0.

    >>> entropy_bits(np.array([0.5, 0.25, 0.25, 0.0]))
    1.5
    """
    positive = probs[probs > 0]
    return float(max(0.0, -(positive * np.log2(positive)).sum()))


class _Scores(NamedTuple):
    """Numbers of any size, ``fraction * 2**exponent``; a score of 0 has the least exponent."""

    fraction: FloatArray
    exponent: NDArray[np.int32]
    order: FloatArray
    """The numbers themselves, or others in the same order."""
    plain: bool = True


def _scores(numbers: FloatArray) -> _Scores:
    fraction, exponent = np.frexp(numbers)
    return _Scores(fraction, np.where(fraction == 0, _LEAST, exponent).astype(np.int32), numbers)


def _penalize(scores: FloatArray, penalty: float, previous_ids: NDArray[np.integer] | None) -> _Scores:
    if penalty == 1 or previous_ids is None or len(previous_ids) == 0:
        return _scores(scores)
    seen = np.unique(previous_ids)
    penalized, known = scores.copy(), np.isfinite(scores) & (scores != 0)
    with np.errstate(over="ignore", under="ignore"):
        penalized[seen] = np.where(scores[seen] < 0, scores[seen] * penalty, scores[seen] / penalty)
    changed = np.abs(penalized[seen][known[seen]])
    if (np.isfinite(changed) & (changed >= _SMALLEST)).all():
        return _scores(penalized)
    # A score that is too large or too small for a number.
    fraction, exponent = _scores(scores)[:2]
    penalty_fraction, penalty_exponent = math.frexp(penalty)
    raised = fraction[seen] < 0
    change = np.where(raised, fraction[seen] * penalty_fraction, fraction[seen] / penalty_fraction)
    fraction[seen], more = np.frexp(change)
    exponent[seen] += np.where(raised, penalty_exponent, -penalty_exponent) + more
    exponent[fraction == 0] = _LEAST
    upwards = np.lexsort((fraction, np.sign(fraction) * (exponent - _LEAST)))
    fractions, exponents = fraction[upwards], exponent[upwards]
    steps = (fractions[1:] != fractions[:-1]) | (exponents[1:] != exponents[:-1])
    order = np.empty(len(scores))
    order[upwards] = np.concatenate(([0], np.cumsum(steps)))
    return _Scores(fraction, exponent, np.where(np.isneginf(scores), -np.inf, order), plain=False)


def _below_best(scores: _Scores, temperature: float) -> FloatArray:
    """``(scores - best) / temperature``, never NaN: what is struck out stays so, and nothing else becomes it."""
    fraction, exponent, order, _ = scores
    best = int(order.argmax())
    # Each difference in units of the larger of the two: neither overflows, and what underflows changes no digit.
    unit = np.maximum(exponent, exponent[best])
    below = np.ldexp(fraction, exponent - unit) - np.ldexp(fraction[best], exponent[best] - unit)
    heat_fraction, heat_exponent = math.frexp(temperature)
    with np.errstate(over="ignore", under="ignore"):
        heated = np.ldexp(below / heat_fraction, unit - heat_exponent)
    return np.where(np.isneginf(order), -np.inf, np.maximum(heated, -_LARGEST))


def _heat(scores: _Scores, temperature: float) -> FloatArray:
    if temperature == 0:
        return _strike(scores.order, np.arange(len(scores.order)) == scores.order.argmax())
    return _below_best(scores, temperature)


def _strike(scores: FloatArray, kept: NDArray[np.bool_]) -> FloatArray:
    return np.where(kept, scores, -np.inf)


def _top_k(scores: FloatArray, k: int, order: FloatArray) -> FloatArray:
    """Keep the k best by ``order``: the scores before a temperature that may have made them all but equal."""
    if k == 0 or k >= len(scores):
        return scores
    return _strike(scores, order >= np.partition(order, -k)[-k])


def _top_p(scores: FloatArray, p: float, order: FloatArray) -> FloatArray:
    if p >= 1:
        return scores
    probs = np.exp(log_softmax(scores))
    # A sort of the whole vocabulary costs more than a forward step on a GPU; nearly always the
    # nucleus lies within the most probable thousand.
    m = min(1024, len(probs))
    top = np.argpartition(order, -m)[-m:]
    if probs[top].sum() < p:
        top = np.arange(len(probs))
    top = top[np.argsort(-order[top], kind="stable")]
    mass_before = np.concatenate(([0.0], np.cumsum(probs[top])[:-1]))
    kept = np.zeros(len(probs), dtype=np.bool_)
    kept[top[mass_before < p]] = True
    return _strike(scores, kept)


def _min_p(scores: FloatArray, p: float) -> FloatArray:
    if p == 0:
        return scores
    log_probs = log_softmax(scores)
    return _strike(scores, log_probs >= log_probs.max() + math.log(p))


def _pipeline(
    logits: ArrayLike, sampling: Sampling, previous_ids: NDArray[np.integer] | None
) -> Iterator[tuple[str, FloatArray]]:
    scores = np.asarray(logits, dtype=np.float64)
    if scores.ndim != 1 or np.isnan(scores).any() or not np.isfinite(scores.max(initial=-np.inf)):
        raise InvalidSettingError(
            "The logits must be one vector of numbers with at least one finite one; "
            "NaN usually means that this model broke under its quantization."
        )
    yield "logits", scores
    penalized = _penalize(scores, float(sampling.repetition_penalty), previous_ids)
    scores = penalized.order if penalized.plain else _below_best(penalized, 1.0)
    yield "repetition_penalty", scores
    if sampling.temperature != 1:
        scores = _heat(penalized, float(sampling.temperature))
    yield "temperature", scores
    scores = _top_k(scores, int(sampling.top_k), penalized.order)
    yield "top_k", scores
    scores = _top_p(scores, float(sampling.top_p), penalized.order)
    yield "top_p", scores
    yield "min_p", _min_p(scores, float(sampling.min_p))


def sampling_stages(
    logits: ArrayLike, sampling: Sampling, previous_ids: NDArray[np.integer] | None = None
) -> tuple[Stage, ...]:
    """Every step from the model's distribution to the one that is drawn from.

    Args:
        logits: (vocab,), the model's raw scores.
        sampling: the settings; a setting at its default gives a stage that changes nothing.
        previous_ids: (n,), tokens already in the text, for the repetition penalty.

    Returns:
        Six stages in the order in which transformers applies them; the last one is drawn from.

    Raises:
        InvalidSettingError: the logits hold NaN or nothing finite.

    >>> stages = sampling_stages([2.0, 1.0, 0.0, -1.0], Sampling(top_k=2))
    >>> [(s.name, int(s.kept.sum()), round(s.removed_mass, 3)) for s in stages[2:4]]
    [('temperature', 4, 0.0), ('top_k', 2, 0.119)]
    """
    stages: list[Stage] = []
    seen: FloatArray | None = None
    for name, scores in _pipeline(logits, sampling, previous_ids):
        if scores is seen:  # a setting that is off hands on the very array: the same distribution
            stages.append(replace(stages[-1], name=name, removed_mass=0.0))
            continue
        seen = scores
        probs, kept = np.exp(log_softmax(scores)), np.isfinite(scores)
        removed = float(stages[-1].probs[~kept].sum()) if stages else 0.0
        stages.append(Stage(name, probs, kept, removed, entropy_bits(probs)))
    return tuple(stages)


def sampling_probs(
    logits: ArrayLike, sampling: Sampling, previous_ids: NDArray[np.integer] | None = None
) -> FloatArray:
    """The last stage's probabilities alone, float64 (vocab,): what `generate` draws from at each step.

    >>> sampling_probs([2.0, 1.0, 0.0], Sampling(temperature=0)).tolist()
    [1.0, 0.0, 0.0]
    """
    *_, (_, scores) = _pipeline(logits, sampling, previous_ids)
    return np.exp(log_softmax(scores))


def draw(probs: FloatArray, rng: np.random.Generator) -> int:
    """One token id drawn from a distribution, by inversion of its cumulative sum.

    >>> draw(np.array([0.0, 1.0]), np.random.default_rng(0))
    1
    """
    candidates = np.flatnonzero(probs)
    cumulative = np.cumsum(probs[candidates])
    place = np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right")
    return int(candidates[min(int(place), len(candidates) - 1)])
