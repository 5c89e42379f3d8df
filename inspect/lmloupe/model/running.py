"""Say how work over a text is followed whose results come one after another, wherever it runs. Without torch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["Running"]

T_co = TypeVar("T_co", covariant=True)


class Running(Iterator[T_co], Protocol[T_co]):
    """Work that has started: iterate over its results, or `poll` so as never to wait for long."""

    @property
    def input_ids(self) -> NDArray[np.int32]:
        """int32 (n,), the text as the model reads it."""

    def poll(self, timeout_s: float) -> T_co | None:
        """The next result, or None after ``timeout_s`` seconds without one.

        Raises:
            StopIteration: it has ended.
        """

    def close(self) -> None:
        """Stop: the model computes nothing more than the step at hand. Safe to call twice."""
