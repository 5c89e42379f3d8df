"""Whether the cluster is there and what it serves, asked for all sessions of this server together.

A page asks at every run, a page that has lost the cluster every few seconds; the cluster is asked at most every two.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

import lmloupe as lm
from ui.cluster.address import cluster_address

if TYPE_CHECKING:
    from lmloupe.cluster.served import ServedModel

__all__ = ["Presence", "is_over", "presence", "when_back"]

KEPT_S = 2.0
"""How long an answer of the cluster holds, and how long that there was none."""


class Presence:
    """What the cluster said last.

    Args:
        ask: asks the cluster; raises `lmloupe.LoupeError` where there is no answer.

    Attributes:
        known: the models that it has or had when it last answered; empty before its first answer.
    """

    def __init__(self, ask: Callable[[], tuple[ServedModel, ...]]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._asked = float("-inf")
        self._error: lm.LoupeError | None = None
        self.known: tuple[ServedModel, ...] = ()

    def served(self) -> tuple[ServedModel, ...]:
        """The models that the cluster has now, or had two seconds ago.

        Raises:
            LoupeError: it did not answer then.
        """
        with self._lock:
            if time.monotonic() - self._asked > KEPT_S:
                self._look()
            if self._error is not None:
                raise self._error.with_traceback(None)
            return self.known

    def is_there(self) -> bool:
        """Whether it answers."""
        try:
            self.served()
        except lm.LoupeError:  # not swallowed: who asks a question gets the sentence
            return False
        return True

    def _look(self) -> None:
        before = self._error
        try:
            self.known, self._error = self._ask(), None
        except lm.LoupeError as error:  # not swallowed: `served` raises it
            self._error = error
        self._asked = time.monotonic()
        if before is not None and self._error is None:
            for call in _when_back:
                call()


@st.cache_resource(show_spinner=False)
def presence() -> Presence:
    """That of this server's cluster."""

    def ask() -> tuple[ServedModel, ...]:
        from lmloupe.cluster.served import served_models

        return served_models(cluster_address())

    return Presence(ask)


_when_back: list[Callable[[], object]] = []


def when_back(call: Callable[[], object]) -> None:
    """Have something called each time the cluster answers again after it did not."""
    _when_back.append(call)


def is_over(error: BaseException | None) -> bool:
    """Whether an error that was kept is that of a cluster which is there again: what it ended can be asked anew."""
    return isinstance(error, lm.ClusterGoneError) and bool(cluster_address()) and presence().is_there()
