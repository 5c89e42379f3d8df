"""The rules that remove tokens by their scores alone. Each is given scores and gives those that are left.

What each does, and whose it is, is told by `lmloupe.Sampling`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lmloupe.model.sampling.scores import FloatArray, Scores

__all__ = ["epsilon", "eta", "min_p", "mirostat", "top_h", "top_k", "top_n_sigma", "top_p", "typical", "xtc"]

_FAST = 1024
_ABOVE, _BELOW = 1 + 1e-12, 1 - 1e-12  # nearer to a bound than the rounding of a long sum: on it
_TOP_H_TOKENS = 100  # transformers' ``TopHLogitsWarper.top_n``


def _first(key: FloatArray, n: int) -> NDArray[np.intp]:
    """Indices of the ``n`` smallest keys, the smallest first and equal ones by index."""
    if n >= len(key):
        return np.argsort(key, kind="stable")
    last = np.partition(key, n - 1)[n - 1]
    below, equal = np.flatnonzero(key < last), np.flatnonzero(key == last)
    return np.concatenate([below[np.argsort(key[below], kind="stable")], equal[: n - len(below)]])


def _fewest(key: FloatArray, scores: Scores, p: float) -> NDArray[np.intp]:
    """The first tokens by ``key``, as few as have at least the probability ``p`` together.

    What counts is what would be cut: a token stays if it and all behind it have more than ``1 - p``. These sums are of
    small numbers first, so they are right where the sum of what stays would be rounded to 1. A sum that only rounding
    tells from ``p`` is enough.
    """
    # A sort of the whole vocabulary costs more than a forward step on a GPU; nearly always the
    # nucleus lies within the first thousand.
    probs, most, outside = scores.probs, (1 - p) * _ABOVE, 0.0
    left = np.flatnonzero(scores.alive)
    ids = left[np.argsort(key[left], kind="stable")] if len(left) <= _FAST else _first(key, _FAST)
    if len(left) > _FAST:
        others = probs.copy()
        others[ids] = 0
        outside = float(others.sum())
    if outside > most:
        ids, outside = _first(key, len(key)), 0.0
    from_here = outside + np.cumsum(probs[ids][::-1])[::-1]
    return ids[: max(1, int((from_here > most).sum()))]


def _only(ids: NDArray[np.intp], n: int) -> NDArray[np.bool_]:
    kept = np.zeros(n, dtype=np.bool_)
    kept[ids] = True
    return kept


def top_k(scores: Scores, k: int) -> Scores:
    """Keep the ``k`` best, and what is as good as the last of them."""
    if k >= len(scores.order):
        return scores
    return scores.keep(scores.order >= np.partition(scores.order, -k)[-k])


def top_p(scores: Scores, p: float) -> Scores:
    """Keep the fewest of the best that have ``p`` together; of equal ones those with the smaller ids."""
    return scores.keep(_only(_fewest(-scores.order, scores, p), len(scores.order)))


def min_p(scores: Scores, p: float) -> Scores:
    """Keep what has at least the share ``p`` of the largest probability."""
    return scores.keep(scores.log_probs >= scores.log_probs.max() + math.log(p) + math.log(_BELOW))


def typical(scores: Scores, p: float) -> Scores:
    """Keep the fewest whose surprisal is nearest to the entropy and that have ``p`` together."""
    distance = np.abs(-scores.log_probs - scores.entropy)
    needed = _fewest(distance, scores, p)
    return scores.keep(distance <= distance[needed[-1]])  # with all that are as near as the last


def _at_least(scores: Scores, least: float) -> Scores:
    return scores.keep((scores.probs >= least * _BELOW) | (scores.values == scores.values.max()))


def epsilon(scores: Scores, cutoff: float) -> Scores:
    """Keep what has at least the probability ``cutoff``."""
    return _at_least(scores, cutoff)


def eta(scores: Scores, cutoff: float) -> Scores:
    """Keep what has at least ``min(cutoff, sqrt(cutoff) exp(-entropy))``."""
    return _at_least(scores, min(cutoff, math.sqrt(cutoff) * math.exp(-scores.entropy)))


def top_h(scores: Scores, share: float) -> Scores:
    """Keep the first of the best hundred, up to ``share`` of their entropy."""
    ids = _first(-scores.order, _TOP_H_TOKENS)
    probs = scores.probs[ids] / scores.probs[ids].sum()
    terms = np.zeros(len(ids))
    terms[probs > 0] = -probs[probs > 0] * np.log(probs[probs > 0])
    # As in `_fewest`: what follows a token must have the rest of the entropy.
    sums = np.append(np.cumsum(terms[::-1])[::-1], 0.0)
    kept = (sums[1:] >= (1 - share) * sums[0] * _BELOW) & (probs > 0)
    kept[0] = True
    return scores.keep(_only(ids[kept], len(scores.order)))


def top_n_sigma(scores: Scores, n: float) -> Scores:
    """Keep what lies within ``n`` standard deviations of the largest score."""
    left = scores.values[scores.alive]
    size = np.abs(left).max()
    if size == 0:
        return scores
    scaled = left / size  # so that no square overflows
    with np.errstate(over="ignore"):
        least = scaled.max() - n * scaled.std() * _ABOVE
    return scores.keep(scores.values / size >= least)


def xtc(scores: Scores, threshold: float) -> Scores:
    """Of what has at least the probability ``threshold`` keep the least probable alone."""
    above = np.flatnonzero((scores.probs >= threshold * _BELOW) & scores.alive)[::-1]
    if len(above) < 2:
        return scores
    removed = _only(above, len(scores.order))
    removed[above[scores.probs[above].argmin()]] = False
    return scores.keep(~removed)


def mirostat(scores: Scores, mu: float) -> Scores:
    """Keep what has a surprisal of at most ``mu`` bits."""
    return scores.keep(-scores.log_probs <= mu * math.log(2) * (_ABOVE if mu > 0 else _BELOW))
