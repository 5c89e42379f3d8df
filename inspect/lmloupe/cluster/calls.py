"""How a question is brought to a replica of a model, whatever carries it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from lmloupe.wire.packed import Packed

__all__ = [
    "ASK_LIMIT_S",
    "LEASE_S",
    "MOST_LOST",
    "PAUSE_S",
    "SILENCE_S",
    "STREAM_LIMIT_S",
    "Calls",
    "LostError",
    "lost_too_often",
]

ASK_LIMIT_S, STREAM_LIMIT_S = 120.0, 900.0
"""Seconds that a question, and work that is followed, may take in all."""

SILENCE_S = 20.0
"""Seconds without any message after which a replica that writes counts as lost: it sends one each quarter of a second,
and a core that is shared, a large pass or a copy of it over the network delays one by seconds, not by so many."""

LEASE_S = 20.0
"""Seconds after which a replica stops work whose front end was not heard of. It is heard of four times in that time."""

MOST_LOST = 3
"""How many replicas in a row may be lost by one question before its person is told: it may be what ends them."""


PAUSE_S = 0.1
"""Seconds before another replica is asked; twice as many each time."""


class LostError(Exception):
    """The replica that was asked is gone, and with it the answer; another one may be asked. Never leaves this room."""


def lost_too_often(n_lost: int) -> str:
    """What its person is told of a question that has lost so many replicas in a row."""
    return (
        f"{n_lost} computers of the cluster in a row ended over this question, so it is not asked again: it may need "
        "more memory than they have. Ask for less, or tell whoever runs the cluster."
    )


class Calls(Protocol):
    """A way to the replicas of one model. Its methods run on the loop of ``driver.loop``, and nowhere else.

    Both raise `LostError` where the replica is lost, and `lmloupe.ClusterGoneError` where nobody answers. A replica
    that is not the one that is ``known`` says who it is, a `Hello`, and does nothing else.
    """

    async def ask(self, name: str, arguments: Packed, known: str, limit_s: float) -> Packed:
        """Ask a question and wait for the answer; ``hello`` is one whose arguments are None.

        Raises:
            ClusterTimeoutError: it took longer than ``limit_s``.
        """

    async def ask_all(self, name: str, arguments: Packed, known: str, limit_s: float) -> tuple[Packed, ...]:
        """Ask every replica that is there now; one that is lost meanwhile is left out of the answers.

        Raises:
            ClusterTimeoutError: it took longer than ``limit_s``.
        """

    def stream(
        self, name: str, arguments: Packed, known: str, skip: int, limit_s: float
    ) -> AsyncGenerator[Packed, None]:
        """Begin work that is followed, and leave its first ``skip`` results out. Who closes it ends the work."""
