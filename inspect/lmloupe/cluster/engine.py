"""The engine whose model is on a cluster. Its methods are made from `lmloupe.Engine`: none is written here.

Two sides. On the cluster a `Replica` (``replica``) holds the engine of one model and answers by name; ``deploy`` makes
it a deployment of Ray Serve. Beside the pages a `RemoteEngine` (``engine``) has the methods of `lmloupe.Engine`, made
from the protocol itself (``questions``), and asks through `Calls` (``calls``): Ray Serve's handle (``ray_calls``), or
anything else that brings a question to a replica. What crosses is checked on both sides (`lmloupe.wire`). A question
whose replica is lost is asked again, and a generation goes on from its tokens (``following``).

Ray is imported inside functions only: without it, all else of the library is as it was.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property, wraps
from typing import Any, cast

import lmloupe
from lmloupe.cluster.calls import ASK_LIMIT_S, MOST_LOST, PAUSE_S, Calls, LostError
from lmloupe.cluster.fingerprint import fingerprint
from lmloupe.cluster.following import follow
from lmloupe.cluster.messages import Hello
from lmloupe.cluster.questions import QUESTIONS, Question
from lmloupe.cluster.served import Shared
from lmloupe.errors import ClusterGoneError, ClusterVersionError, LoupeError
from lmloupe.model.architecture.results import ModelDescription
from lmloupe.model.capabilities import Capabilities, Capability
from lmloupe.model.engine import Engine
from lmloupe.tokens.tokenizer import Tokenizer
from lmloupe.wire.packed import Packed, pack, unpack

__all__ = ["RemoteEngine", "remote_engine"]


_NO_WEIGHTS = Capability("the model is on a cluster, which has it in one precision and does not send its weights")


class RemoteEngine:
    """A causal language model on a cluster. Has all methods of `lmloupe.Engine`; safe to share between threads.

    Args:
        calls: the way to its replicas.
        tokenizer: of the model: tokenizers stay with the pages.

    Attributes:
        tokenizer: as given, for the rows of the model's matrix.
        capabilities: those of the replica's own engine, but for what measures a model in this very process.

    Raises:
        ClusterVersionError: the cluster has another version of this library.
        ClusterGoneError: nobody answers.
    """

    def __init__(self, calls: Calls, tokenizer: Tokenizer) -> None:
        self._calls = calls
        hello: Hello = self._asked("hello", None)
        if (hello.version, hello.fingerprint) != (lmloupe.__version__, fingerprint()):
            raise ClusterVersionError(
                f"The cluster has LM Loupe {hello.version} ({hello.fingerprint}), and these pages have "
                f"{lmloupe.__version__} ({fingerprint()}): install the same on both."
            )
        self.tokenizer = tokenizer.for_matrix(hello.vocab_rows)
        self.capabilities: Capabilities = replace(hello.capabilities, precision=_NO_WEIGHTS)
        self._shared = Shared(calls)

    @property
    def loaded(self) -> Any:
        """What `lmloupe.precision` measures in this process; a model on a cluster has none of it.

        Raises:
            NotAvailableError: always.
        """
        return self.capabilities.require("precision")

    files = scheduler = loaded

    @cached_property
    def _described(self) -> ModelDescription:
        return cast(ModelDescription, self._asked("describe", pack({})))

    def _asked(self, name: str, arguments: Packed) -> Any:
        """The answer to a question, asked again where its replica is lost: all questions change nothing."""
        until = time.monotonic() + ASK_LIMIT_S
        for n_lost in range(MOST_LOST + 1):
            try:
                answer = unpack(self._calls.ask(name, arguments, until - time.monotonic()))
            except LostError as lost:
                if n_lost == MOST_LOST:
                    raise ClusterGoneError(
                        f"{n_lost + 1} computers of the cluster in a row were lost over this question: ask whoever "
                        "runs it."
                    ) from lost
                time.sleep(PAUSE_S * 2**n_lost)
                continue
            if isinstance(answer, LoupeError):
                raise answer
            return answer
        raise AssertionError  # the loop returns or raises


def _method(question: Question) -> Callable[..., Any]:
    """A method that has the protocol's signature and words, and asks the cluster."""

    @wraps(question.asked)
    def asks(self: RemoteEngine, *args: Any, **kwargs: Any) -> Any:
        arguments = question.arguments(*args, **kwargs)
        if question.name == "describe":
            return self._described
        if question.name == "serving":
            return self._shared.now()
        if question.follows:
            return follow(self._calls, question, arguments)
        return self._asked(question.name, pack(arguments))

    asks.__signature__ = inspect.signature(question.asked)  # type: ignore[attr-defined]
    return asks


for _question in QUESTIONS.values():
    setattr(RemoteEngine, _question.name, _method(_question))


def remote_engine(calls: Calls, tokenizer: Tokenizer) -> Engine:
    """A `RemoteEngine` as what it is: its methods are those of the protocol, made from it."""
    return cast(Engine, RemoteEngine(calls, tokenizer))
