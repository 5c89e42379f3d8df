"""Draws from one distribution, each made by a number that lands on a strip of probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmloupe.errors import InvalidSettingError

__all__ = ["Rolls", "roll"]


@dataclass(frozen=True, slots=True)
class Rolls:
    """Draws, and the strip that they landed on: the cumulative distribution, the most probable token at its left end.

    Attributes:
        order: int64 (k,), the ids that can be drawn as they lie on the strip; equally probable ones by id.
        ends: float64 (k,), where each of them ends on the strip, as a share of it; the last is 1.
        places: float64 (n,), where each draw landed, from 0 to below 1.
        ids: int64 (n,), the id that lies there.
    """

    order: NDArray[np.int64]
    ends: NDArray[np.float64]
    places: NDArray[np.float64]
    ids: NDArray[np.int64]


def roll(probs: ArrayLike, n: int, seed: int = 0) -> Rolls:
    """Draw ``n`` times from a distribution, each draw independent of the others.

    The numbers of one seed are one sequence: more draws go on where fewer ended.

    Args:
        probs: (vocab,), such as ``probs`` of the last of `sampling_stages`.
        n: how many draws.
        seed: of ``numpy.random.default_rng``.

    Raises:
        InvalidSettingError: ``probs`` is not one vector of numbers from 0 with a finite sum above 0, or ``n`` or
            ``seed`` is below 0.

    >>> found = roll([0.0, 0.25, 0.75], 4, seed=1)
    >>> found.order.tolist(), found.ends.tolist()
    ([2, 1], [0.75, 1.0])
    >>> found.places.round(2).tolist(), found.ids.tolist()
    ([0.51, 0.95, 0.14, 0.95], [2, 1, 2, 1])
    """
    if n < 0 or seed < 0:
        raise InvalidSettingError(f"The number of draws ({n}) and the seed ({seed}) must both be 0 or more.")
    shares = np.asarray(probs, dtype=np.float64)
    total = float(shares.sum()) if shares.ndim == 1 else 0.0
    if not 0 < total < np.inf or shares.min() < 0:
        raise InvalidSettingError(
            "The probabilities must be one vector of numbers from 0, and at least one must be above 0."
        )
    drawable = np.flatnonzero(shares)
    order = drawable[np.argsort(-shares[drawable], kind="stable")].astype(np.int64)
    ends = np.cumsum(shares[order]) / total
    ends[-1] = 1.0
    places = np.random.default_rng(seed).random(n)
    return Rolls(order, ends, places, order[np.searchsorted(ends, places, side="right")])
