"""What a plan's cache and activations take for many lengths and many numbers of people at once: for sliders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmloupe.errors import InvalidSettingError
from lmloupe.planner.plan import MemoryPlan

__all__ = ["PlanGrid", "plan_grid"]


@dataclass(frozen=True, slots=True)
class PlanGrid:
    """Bytes beside the weights, which neither the context nor the number of sequences changes.

    Attributes:
        contexts: tokens of each sequence, int64 (n,).
        sequences: how many at once, int64 (m,).
        cache_bytes: of all sequences, int64 (n, m).
        activation_bytes: an estimate, as in `MemoryPlan`, int64 (n, m).
    """

    contexts: NDArray[np.int64]
    sequences: NDArray[np.int64]
    cache_bytes: NDArray[np.int64]
    activation_bytes: NDArray[np.int64]


def plan_grid(plan: MemoryPlan, contexts: Sequence[int], sequences: Sequence[int]) -> PlanGrid:
    """Count the cache and the activations of a plan's model and precision for each context with each number of people.

    Args:
        plan: of the model and the precision.
        contexts: tokens of each sequence, at least 1; those beyond what the model reads are counted all the same.
        sequences: how many at once, at least 1.

    Raises:
        InvalidSettingError: a number below 1.

    >>> from lmloupe.planner.plan import memory_plan
    >>> grid = plan_grid(memory_plan("llama-3.1-8b", "nf4"), [1, 4096], [1, 2])
    >>> grid.cache_bytes.tolist()
    [[131072, 262144], [536870912, 1073741824]]
    """
    tokens, people = np.asarray(contexts, np.int64), np.asarray(sequences, np.int64)
    for name, values in (("context", tokens), ("sequences", people)):
        if (values < 1).any():
            raise InvalidSettingError(f"{name} is {values.min()}; it must be at least 1.")
    cells = [
        [plan.counted.asked(plan.model.makeup, context, n) for n in people.tolist()] for context in tokens.tolist()
    ]
    size = len(tokens), len(people)
    cache = np.asarray([[cell.cache for cell in row] for row in cells], np.int64).reshape(size)
    work = np.asarray([[cell.work for cell in row] for row in cells], np.int64).reshape(size)
    return PlanGrid(tokens, people, cache, work)
