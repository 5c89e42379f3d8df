"""One generation as the scheduler knows it, and as its owners follow it."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lmloupe.model.generation.results import Step
from lmloupe.model.generation.writer import Writer
from lmloupe.model.passes.parts import ModelParts
from lmloupe.model.passes.worker import Delivery, Results

if TYPE_CHECKING:
    import torch

    from lmloupe.model.passes.continuation import Continuation

__all__ = ["LocalGeneration", "Request"]


class Request:
    """One generation: what to write, and who waits for it. Those who ask for the same at once share one.

    Args:
        ids: int32 (n,), the prompt.
        writer: what draws and records.
        most: tokens that it writes at most.
        lens_parts: where each step says what every layer would have said.
        same: what makes two requests the same; None for one that is shared with nobody.

    Attributes:
        text: what has been read of it, from its turn on.
        unread: ids that are to be read before the next token, pieces of int64 (1, m).
        reused_tokens: tokens of the prompt that were read before.
    """

    def __init__(
        self,
        ids: NDArray[np.int32],
        writer: Writer,
        most: int,
        lens_parts: ModelParts | None = None,
        same: Any = None,
    ) -> None:
        self.ids, self.writer, self.lens_parts, self.same = ids, writer, lens_parts, same
        self.longest = len(ids) + most
        self.text: Continuation | None = None
        self.unread: list[torch.Tensor] = []
        self.reused_tokens = 0
        self._deliveries: list[Delivery[Step]] = []
        self._steps: list[Step] = []

    @property
    def closed(self) -> bool:
        """Whether none of its owners wants more."""
        return all(delivery.closed for delivery in self._deliveries)

    # The line's lock is held in these, so that an owner who joins late misses no step and gets none twice.

    def follow(self) -> Delivery[Step]:
        """A further owner's delivery, which has all steps so far."""
        delivery: Delivery[Step] = Delivery()
        for step in self._steps:
            delivery.put(step)
        self._deliveries.append(delivery)
        return delivery

    def put(self, step: Step) -> None:
        """Hand a step to all owners."""
        self._steps.append(step)
        for delivery in self._deliveries:
            delivery.put(step)

    def end(self, error: BaseException | None = None) -> None:
        """Tell all owners that no more comes, and let go of the model and of what it kept."""
        self.text, self.unread, self.lens_parts = None, [], None
        for number, delivery in enumerate(self._deliveries):
            # Each raises its own: a raised error keeps the frames of the thread that raised it.
            delivery.end(error if error is None or number == 0 else _another(error))


def _another(error: BaseException) -> BaseException:
    try:
        return type(error)(*error.args)
    except TypeError:  # one whose arguments are not those it was made with
        return error


class _Line(Protocol):
    def ahead(self, request: Request) -> int: ...
    def waits(self, request: Request) -> bool: ...


class LocalGeneration(Results[Step]):
    """A generation running in this process's worker; see `lmloupe.model.generation.results.Generation`."""

    def __init__(self, request: Request, delivery: Delivery[Step], line: _Line) -> None:
        super().__init__(request.ids, delivery)
        # Who keeps a generation that has ended does not keep the model.
        self._request, self._line = request, weakref.ref(line)

    @property
    def ahead(self) -> int:
        """How many others wait before this one; 0 when it is served."""
        line = self._line()
        return 0 if line is None else line.ahead(self._request)

    @property
    def waits(self) -> bool:
        """Whether its turn has not come yet."""
        line = self._line()
        return line is not None and line.waits(self._request)

    @property
    def reused_tokens(self) -> int:
        """Tokens of the prompt that were not read again."""
        return self._request.reused_tokens
