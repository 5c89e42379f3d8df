"""The scores of all tokens on their way through the rules, without overflow, NaN or lost digits."""

from __future__ import annotations

import math
from functools import cached_property
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmloupe.model.sampling.settings import LARGEST

__all__ = ["FloatArray", "Scores", "entropy_bits", "log_softmax"]

FloatArray: TypeAlias = NDArray[np.float64]
_SMALLEST = float(np.finfo(np.float64).tiny)  # numbers below it have lost digits
_LEAST = -10_000  # below the binary exponent of every number, penalized or not


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


class _Wide(NamedTuple):
    """Numbers of any size, ``fraction * 2**exponent``; a score of 0 has the least exponent."""

    fraction: FloatArray
    exponent: NDArray[np.int32]


class Scores:
    """What a rule is given, and what it gives: rules change no scores, they give others.

    A temperature is divided by only when it is needed, and order is kept apart from it, because one that is too high
    for a float's digits makes all scores equal.

    Args:
        raw: float64 (vocab,), before the temperature; minus infinity where a token was removed.
        wide: the same where they do not fit into ``raw``.
        heat: the temperature to divide by.
        order: (vocab,), numbers in the scores' order; None where ``raw`` is.
    """

    def __init__(
        self, raw: FloatArray, wide: _Wide | None = None, heat: float = 1.0, order: FloatArray | None = None
    ) -> None:
        self._raw, self._wide, self._heat = raw, wide, heat
        self.order = raw if order is None else order

    @cached_property
    def values(self) -> FloatArray:
        """The scores up to a common summand, never NaN: what was removed stays so, and nothing else becomes it."""
        if self._wide is not None:
            return _wide_below_best(self._wide, self.order, self._heat)
        return self._raw if self._heat == 1 else _below_best(self._raw, self._heat)

    @cached_property
    def log_probs(self) -> FloatArray:
        """Natural-log probabilities."""
        return log_softmax(self.values)

    @cached_property
    def probs(self) -> FloatArray:
        """Probabilities."""
        return np.exp(self.log_probs)

    @cached_property
    def entropy(self) -> float:
        """In nats."""
        positive = self.probs > 0
        return float(max(0.0, -(self.probs[positive] * self.log_probs[positive]).sum()))

    @cached_property
    def alive(self) -> NDArray[np.bool_]:
        """Which tokens no rule has removed."""
        return ~np.isneginf(self.order)

    def keep(self, kept: NDArray[np.bool_]) -> Scores:
        """Remove the others; all of them would leave nothing to draw, so the best of what is left stays then."""
        left = kept & self.alive
        if not left.any():
            left[self.order.argmax()] = True
        if left.sum() == self.alive.sum():
            return self
        order = np.where(left, self.order, -np.inf)
        raw = order if self.order is self._raw else np.where(left, self._raw, -np.inf)
        result = Scores(raw, self._wide, self._heat, order)
        if self._heat != 1 and left[self.order.argmax()]:  # else they are counted from another best
            result.values = np.where(left, self.values, -np.inf)
        return result

    def heat(self, temperature: float) -> Scores:
        """Divide by a temperature; 0 keeps the best alone."""
        if temperature == 0:
            return self.keep(np.arange(len(self.order)) == self.order.argmax())
        return Scores(self._raw, self._wide, temperature, self.order)

    def _plain(self) -> FloatArray:
        """The scores divided by the temperature; where a float cannot hold one, less the best."""
        if self._heat == 1 and self._wide is None:
            return self._raw
        with np.errstate(over="ignore", under="ignore"):
            divided = self._raw / self._heat
        fits = self._wide is None and np.isfinite(divided[self.alive]).all()
        return divided if fits else self.values

    def lower(self, ids: NDArray[np.integer], amounts: ArrayLike) -> Scores:
        """Take an amount from the score of each of some tokens; no amount removes a token."""
        scores = self._plain().copy()
        with np.errstate(over="ignore"):
            changed = np.clip(scores[ids] - np.clip(amounts, -LARGEST, LARGEST), -LARGEST, LARGEST)
        scores[ids] = np.where(np.isneginf(scores[ids]), -np.inf, changed)
        return Scores(scores)

    def divide(self, ids: NDArray[np.integer], penalty: float) -> Scores:
        """Divide positive scores by the penalty and multiply negative ones with it: the repetition penalty."""
        scores = self._plain()
        penalized, known = scores.copy(), np.isfinite(scores) & (scores != 0)
        with np.errstate(over="ignore", under="ignore"):
            penalized[ids] = np.where(scores[ids] < 0, scores[ids] * penalty, scores[ids] / penalty)
        changed = np.abs(penalized[ids][known[ids]])
        if (np.isfinite(changed) & (changed >= _SMALLEST)).all():
            return Scores(penalized)
        return _divide_wide(scores, ids, penalty)


def _below_best(raw: FloatArray, heat: float) -> FloatArray:
    """``(raw - best) / heat``."""
    best, removed = raw.max(), np.isneginf(raw)
    with np.errstate(over="ignore", under="ignore"):
        heated: FloatArray = raw - best
        if np.count_nonzero(np.isneginf(heated)) != np.count_nonzero(removed):
            heated = (raw / 2 - best / 2) / heat * 2  # a difference that no float can hold, but its half can
        else:
            heated /= heat
    np.maximum(heated, -LARGEST, out=heated)
    heated[removed] = -np.inf
    return heated


def _divide_wide(scores: FloatArray, ids: NDArray[np.integer], penalty: float) -> Scores:
    """As `Scores.divide`, where a result is too large or too small for a float."""
    fraction, exponent = np.frexp(scores)
    exponent = np.where(fraction == 0, _LEAST, exponent).astype(np.int32)
    penalty_fraction, penalty_exponent = math.frexp(penalty)
    raised = fraction[ids] < 0
    change = np.where(raised, fraction[ids] * penalty_fraction, fraction[ids] / penalty_fraction)
    fraction[ids], more = np.frexp(change)
    exponent[ids] += np.where(raised, penalty_exponent, -penalty_exponent) + more
    exponent[fraction == 0] = _LEAST
    upwards = np.lexsort((fraction, np.sign(fraction) * (exponent - _LEAST)))
    fractions, exponents = fraction[upwards], exponent[upwards]
    steps = (fractions[1:] != fractions[:-1]) | (exponents[1:] != exponents[:-1])
    order = np.empty(len(scores))
    order[upwards] = np.concatenate(([0], np.cumsum(steps)))
    return Scores(scores, _Wide(fraction, exponent), 1.0, np.where(np.isneginf(scores), -np.inf, order))


def _wide_below_best(wide: _Wide, order: FloatArray, heat: float) -> FloatArray:
    fraction, exponent = wide
    best = int(order.argmax())
    # Each difference in units of the larger of the two: neither overflows, and what underflows changes no digit.
    unit = np.maximum(exponent, exponent[best])
    below = np.ldexp(fraction, exponent - unit) - np.ldexp(fraction[best], exponent[best] - unit)
    heat_fraction, heat_exponent = math.frexp(heat)
    with np.errstate(over="ignore", under="ignore"):
        heated = np.ldexp(below / heat_fraction, unit - heat_exponent)
    return np.where(np.isneginf(order), -np.inf, np.maximum(heated, -LARGEST))
