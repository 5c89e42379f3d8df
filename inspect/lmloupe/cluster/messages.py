"""What a replica says beside the answers: who it is, and the news of work that is followed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmloupe.errors import LoupeError
from lmloupe.model.capabilities import Capabilities

__all__ = ["Hello", "News", "Started"]


@dataclass(frozen=True, slots=True)
class Hello:
    """Who answers.

    Attributes:
        version: of LM Loupe there.
        pid: of its process.
        model: as it was asked for.
        revision: as it was asked for, else None.
        vocab_rows: rows of the embedding matrix.
        fingerprint: of the names and fields of all that may travel; equal where both sides understand each other.
        identity: of the version, the fingerprint and the model; equal where two replicas give the same answers.
        capabilities: of its engine.
    """

    version: str
    pid: int
    model: str
    revision: str | None
    vocab_rows: int
    fingerprint: str
    identity: str
    capabilities: Capabilities


@dataclass(frozen=True, slots=True, eq=False)
class Started:
    """Work that has begun.

    Attributes:
        input_ids: int32 (n,), the text as the model reads it.
    """

    input_ids: NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class News:
    """What has come since the last news; sent at least every quarter of a second.

    Attributes:
        results: those that have come, in order.
        ended: whether no more come.
        error: what it ended with, to be raised behind the results.
        ahead, waits, reused_tokens: of a generation, as it says itself; else 0, False, 0.
    """

    results: tuple[Any, ...]
    ended: bool
    error: LoupeError | None = None
    ahead: int = 0
    waits: bool = False
    reused_tokens: int = 0
