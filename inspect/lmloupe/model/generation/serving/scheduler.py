"""Who is having a model write: the generations of one loaded model, each with its turn."""

from __future__ import annotations

from collections.abc import Iterator

from lmloupe.model.generation.results import Serving, Step
from lmloupe.model.passes.worker import Ticket, Worker

__all__ = ["Scheduler"]


class Scheduler:
    """The generations of one loaded model.

    Args:
        worker: the thread that runs it.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker, self._n_writing = worker, 0

    def submit(self, work: Iterator[Step | None]) -> Ticket[Step]:
        """Begin a generation."""
        return self._worker.submit(self._counted(work))

    def _counted(self, work: Iterator[Step | None]) -> Iterator[Step | None]:
        self._n_writing += 1  # in the worker's thread alone
        try:
            yield from work
        finally:
            self._n_writing -= 1

    def serving(self) -> Serving:
        """The answer to `Engine.serving`."""
        return Serving(self._n_writing, 0, 1 << 16, batched=False, reason="Steps are not computed together yet.")
