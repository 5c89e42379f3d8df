"""A model counted in a format, for so many sequences of so many tokens: whole numbers, and no words."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lmloupe.planner.makeup import Makeup, Weighed, weigh
from lmloupe.planner.storage import Format

__all__ = ["Counted"]


@dataclass(frozen=True, slots=True)
class Counted:
    """The whole numbers of a plan, which its equations are filled with.

    Attributes:
        weighed: the weights.
        stored: how the matrices are quantized; None where they are not.
        dtype: of everything else.
        context, sequences: tokens of each sequence, and how many sequences.
        longest: tokens of the longest piece in which a prompt is read.
        cache: bytes of the cache.
        work: bytes of the activations.
    """

    weighed: Weighed
    stored: Format | None
    dtype: str
    context: int
    sequences: int
    longest: int
    cache: int
    work: int

    @classmethod
    def of(
        cls, makeup: Makeup, stored: Format | None, dtype: str, *, context: int, sequences: int, longest: int
    ) -> Counted:
        """Count a model: weights, and what so many sequences of so many tokens take beside them."""
        weighed = weigh(makeup.groups, stored, dtype)
        return cls(weighed, stored, dtype, 0, 0, longest, 0, 0).asked(makeup, context, sequences)

    def asked(self, makeup: Makeup, context: int, sequences: int) -> Counted:
        """The same weights with another context and another number of sequences."""
        work = makeup.work_bytes(min(context, self.longest), sequences, self.dtype, self.weighed.largest)
        cache = sequences * makeup.cache_bytes(context, self.dtype)
        return replace(self, context=context, sequences=sequences, cache=cache, work=work)

    @property
    def weights(self) -> int:
        """Bytes of all weights with their constants."""
        return self.weighed.quantized_bytes + self.weighed.other_bytes + self.weighed.constants_bytes

    @property
    def total(self) -> int:
        """Bytes of weights, constants, cache and activations."""
        return self.weights + self.cache + self.work
