"""How a reply came to be: all that determines it, and where its steps are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from hashlib import blake2b
from typing import Any, cast

import numpy as np
import streamlit as st

import lmloupe as lm
from ui.generation.live.runs import Request, Run
from ui.generation.live.shared import finished_run

__all__ = ["Ask", "Made", "Writing", "keep_run", "kept_run", "prompt_name"]

_RUNS = "conversation_runs"
MOST_RUNS = 64


@dataclass(frozen=True, slots=True)
class Ask:
    """A reply that a person has asked for, and so wants in the conversation; another one is only offered.

    Attributes:
        messages: what it answers.
        seed: in place of the setting; None: the setting.
        forced: ids that it begins with, an alternative token the last of them.
    """

    messages: list[dict[str, Any]]
    seed: int | None = None
    forced: tuple[int, ...] = ()


@dataclass(slots=True)
class Writing:
    """The reply that is being written, or was last."""

    run: Run
    messages: list[dict[str, Any]]
    tokenizer: lm.Tokenizer
    forced: tuple[int, ...] = ()
    asked: bool = False

    @property
    def ids(self) -> list[int]:
        """All of the reply so far."""
        return [*self.forced, *(step.token_id for step in self.run.steps)]

    @property
    def ended(self) -> str:
        """What ended it: as `lmloupe.Step.ended_by` says, or ``"stopped"``."""
        return (self.run.steps[-1].ended_by if self.run.steps else "") or "stopped"

    def message(self) -> dict[str, Any]:
        """What it is in the conversation."""
        return lm.reply_message(lm.reply_text(self.tokenizer, self.ids))

    def made(self) -> Made:
        """How it came to be."""
        request = self.run.request
        prompt = request.ids[: len(request.ids) - len(self.forced)]
        return Made(
            request.model, request.quantization, request.sampling, request.max_new_tokens, request.seed,
            request.stop_ids, tuple(self.ids), len(self.forced), self.ended, prompt_name(prompt),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Made:
    """All that determines a reply, and the reply.

    Attributes:
        model: whose it is.
        quantization: the model's.
        sampling: how it was drawn.
        most: maximum new tokens.
        seed: of the draws.
        stops: tokens that end it; None for the model's own.
        ids: what was written, what was forced included.
        forced: how many ids at the beginning were given.
        ended: what ended it.
        prompt: name of the prompt, from `prompt_name`.
    """

    model: str
    quantization: str
    sampling: lm.Sampling
    most: int
    seed: int
    stops: tuple[int, ...] | None
    ids: tuple[int, ...]
    forced: int
    ended: str
    prompt: str = field(repr=False)

    def as_dict(self) -> dict[str, Any]:
        """As the setting ``chat_turns`` keeps it: plain JSON."""
        plain = {one.name: getattr(self, one.name) for one in fields(self)}
        own = lm.Sampling()
        changed = {one.name: getattr(self.sampling, one.name) for one in fields(own)}
        plain["sampling"] = {name: _plain(value) for name, value in changed.items() if value != getattr(own, name)}
        return {name: _plain(value) for name, value in plain.items()}

    @staticmethod
    def of(kept: dict[str, Any]) -> Made:
        """What `as_dict` gave."""
        sampling: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in kept["sampling"].items()
        }
        stops = None if kept["stops"] is None else tuple(kept["stops"])
        return Made(**kept | {"sampling": lm.Sampling(**sampling), "stops": stops, "ids": tuple(kept["ids"])})

    def request(self, prompt: Sequence[int]) -> Request:
        """What the model was asked after this prompt."""
        return Request(
            self.model, cast(lm.Quantization, self.quantization), (*prompt, *self.ids[: self.forced]), self.sampling,
            self.most, self.seed, stop_ids=self.stops,
        )  # fmt: skip


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def prompt_name(ids: Sequence[int] | np.ndarray[Any, Any]) -> str:
    """A short name of a prompt, by which it is known again."""
    return blake2b(np.asarray(ids, np.int32).tobytes(), digest_size=8).hexdigest()


def kept_run(request: Request) -> Run | None:
    """The run of a request that this session has seen, or that anyone has let finish."""
    runs: dict[Request, Run] = st.session_state.get(_RUNS, {})
    return runs.get(request) or finished_run(request)


def keep_run(run: Run) -> None:
    """Keep a run for this session."""
    runs: dict[Request, Run] = st.session_state.setdefault(_RUNS, {})
    runs[run.request] = run
    while len(runs) > MOST_RUNS:
        del runs[next(iter(runs))]
