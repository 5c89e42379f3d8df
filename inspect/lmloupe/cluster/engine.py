"""The engine whose model is on a cluster. Its methods are made from `lmloupe.Engine`: none is written here.

Two sides. On the cluster a `Replica` (``replica``) holds the engine of one model and answers by name; ``deploy`` makes
it a deployment of Ray Serve. Beside the pages a `RemoteEngine` (``engine``) has the methods of `lmloupe.Engine`, made
from the protocol itself (``questions``), and asks through `Calls` (``calls``): Ray Serve's handle (``ray_calls``), or
anything else that brings a question to a replica. What crosses is checked on both sides (`lmloupe.wire`). A question
whose replica is lost is asked again, and a generation goes on from its tokens (``following``).

Ray is imported inside functions only: without it, all else of the library is as it was.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any, cast

from lmloupe.cluster.calls import ASK_LIMIT_S, MOST_LOST, PAUSE_S, Calls, LostError, lost_too_often
from lmloupe.cluster.driver.loop import wait
from lmloupe.cluster.following import follow
from lmloupe.cluster.messages import Hello
from lmloupe.cluster.questions import QUESTIONS, Question
from lmloupe.cluster.served import Shared
from lmloupe.cluster.terms.met import MOST_MET, Met, replaced
from lmloupe.errors import ClusterGoneError, LoupeError
from lmloupe.model.architecture.results import ModelDescription
from lmloupe.model.capabilities import Capabilities, Capability
from lmloupe.model.engine import Engine
from lmloupe.tokens.tokenizer import Tokenizer
from lmloupe.wire.packed import Packed, pack, unpack

__all__ = ["RemoteEngine", "remote_engine"]


_NO_WEIGHTS = Capability("the model is on a cluster, which has it in one precision and does not send its weights")


class RemoteEngine:
    """A causal language model on a cluster. Has all methods of `lmloupe.Engine`; safe to share between threads.

    It stays good when its cluster goes and comes back, or is given another model under the same name: each question
    says which replicas are known, and replicas that are not are met first, their version compared.

    Args:
        calls: the way to its replicas.
        tokenizer: of the model: tokenizers stay with the pages.

    Raises:
        ClusterVersionError: the cluster has another version of this library.
        ClusterGoneError: nobody answers.
    """

    def __init__(self, calls: Calls, tokenizer: Tokenizer) -> None:
        self._calls, self._met = calls, Met(tokenizer)
        self._met.meet(wait(self._answer("hello", None)))
        self._shared = Shared(calls, self._met)

    @property
    def tokenizer(self) -> Tokenizer:
        """That of the model, which knows how many rows its matrix has."""
        return self._met.tokenizer

    @property
    def capabilities(self) -> Capabilities:
        """Those of the replica's own engine, but for what measures a model in this very process."""
        return replace(self._met.capabilities, precision=_NO_WEIGHTS)

    @property
    def loaded(self) -> Any:
        """What `lmloupe.precision` measures in this process; a model on a cluster has none of it.

        Raises:
            NotAvailableError: always.
        """
        return self.capabilities.require("precision")

    files = scheduler = loaded

    def _described(self) -> ModelDescription:
        """Asked for once, and again where the model is another one."""
        described = self._met.description
        if described is None:
            described = cast(ModelDescription, wait(self._answer("describe", pack({}))))
            self._met.description = described
        return described

    async def _answer(self, name: str, arguments: Packed) -> Any:
        """The answer to a question, asked again where its replica is lost: all questions change nothing."""
        until = time.monotonic() + ASK_LIMIT_S
        n_lost = n_met = 0
        while True:
            try:
                answer = unpack(await self._calls.ask(name, arguments, self._met.known, until - time.monotonic()))
            except LostError as lost:
                n_lost += 1
                if n_lost > MOST_LOST:
                    raise ClusterGoneError(lost_too_often(n_lost)) from lost
                await asyncio.sleep(PAUSE_S * 2**n_lost)
                continue
            if isinstance(answer, LoupeError):
                raise answer
            if not isinstance(answer, Hello) or name == "hello":
                return answer
            n_met += 1
            if n_met > MOST_MET:
                raise replaced()
            self._met.meet(answer)


def _method(question: Question) -> Callable[..., Any]:
    """A method that has the protocol's signature and words, and asks the cluster."""

    @wraps(question.asked)
    def asks(self: RemoteEngine, *args: Any, **kwargs: Any) -> Any:
        arguments = question.arguments(*args, **kwargs)
        if question.name == "describe":
            return self._described()
        if question.name == "serving":
            return self._shared.now()
        if question.follows:
            return follow(self._calls, question, arguments, self._met)
        return wait(self._answer(question.name, pack(arguments)))

    asks.__signature__ = inspect.signature(question.asked)  # type: ignore[attr-defined]
    return asks


for _question in QUESTIONS.values():
    setattr(RemoteEngine, _question.name, _method(_question))


def remote_engine(calls: Calls, tokenizer: Tokenizer) -> Engine:
    """A `RemoteEngine` as what it is: its methods are those of the protocol, made from it."""
    return cast(Engine, RemoteEngine(calls, tokenizer))
