"""How a question is brought to a replica of a model, whatever carries it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from lmloupe.wire.packed import Packed

__all__ = ["ASK_LIMIT_S", "MOST_LOST", "PAUSE_S", "STREAM_LIMIT_S", "Calls", "LostError", "Stream"]

ASK_LIMIT_S, STREAM_LIMIT_S = 120.0, 900.0
"""Seconds that a question, and work that is followed, may take in all."""

MOST_LOST = 5
"""How many replicas in a row may be lost by one question before its person is told."""


PAUSE_S = 0.1
"""Seconds before another replica is asked; twice as many each time."""


class LostError(Exception):
    """The replica that was asked is gone, and with it the answer; another one may be asked. Never leaves this room."""


class Stream(Iterator[Packed], Protocol):
    """Messages of a replica, one after another."""

    def cancel(self) -> None:
        """Have the replica stop; safe from any thread, and to call twice."""


class Calls(Protocol):
    """A way to the replicas of one model. Safe to share between threads.

    Both raise `LostError` where the replica is lost, and `lmloupe.ClusterGoneError` where nobody answers.
    """

    def ask(self, name: str, arguments: Packed, limit_s: float) -> Packed:
        """Ask a question and wait for the answer.

        Raises:
            ClusterTimeoutError: it took longer than ``limit_s``.
        """

    def ask_all(self, name: str, arguments: Packed, limit_s: float) -> tuple[Packed, ...]:
        """Ask every replica that is there now; one that is lost meanwhile is left out of the answers.

        Raises:
            ClusterTimeoutError: it took longer than ``limit_s``.
        """

    def stream(self, name: str, arguments: Packed, skip: int, limit_s: float) -> Stream:
        """Begin work that is followed, and leave its first ``skip`` results out."""
