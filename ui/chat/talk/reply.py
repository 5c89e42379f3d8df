"""The reply to the conversation as it stands: asked for, streamed, stopped, kept for the session."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

import lmloupe as lm
from ui.chat.request import ChatRequest
from ui.chat.shorter import offer_turns
from ui.chat.talk.actions import asked, offer, take_reply, writing, written
from ui.chat.talk.replies import Writing, keep_run, kept_run
from ui.generation.live.runs import Request, Run
from ui.generation.live.stream import stop_button, stream
from ui.model.answers import readable

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

__all__ = ["Settings", "awaits", "reply_to", "write"]

SILENT = ("assistant", "system", "developer")
"""Roles after which nobody waits for the model."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How the model is to reply."""

    model: str
    quantization: lm.Quantization
    sampling: lm.Sampling
    most: int
    seed: int
    stops: tuple[int, ...] | None


def awaits(request: ChatRequest) -> bool:
    """Whether the conversation waits for the model."""
    return bool(request.messages) and request.messages[-1]["role"] not in SILENT


def reply_to(request: ChatRequest, engine: lm.Engine, settings: Settings) -> Writing:
    """The reply to a conversation, as far as it is there: what this session or another one has seen, else no step yet.

    Raises:
        LoupeError: the conversation cannot be rendered, or leaves no room for a reply.
    """
    prompt = request.render(engine.tokenizer, add_generation_prompt=True)
    ids = readable(engine, prompt.encoding, partial(offer_turns, request), reply=settings.most)
    ask = asked()
    forced = () if ask is None else ask.forced
    seed = settings.seed if ask is None or ask.seed is None else ask.seed
    wanted = Request(
        settings.model, settings.quantization, (*ids, *forced), settings.sampling, settings.most, seed,
        stop_ids=settings.stops,
    )  # fmt: skip
    before = written()
    going = before.run if before is not None and before.run.request == wanted else None
    run = kept_run(wanted) or going or Run(wanted)
    now = Writing(run, request.messages, engine.tokenizer, forced, asked=ask is not None)
    if not run.going:
        if now.asked and run.steps:
            take_reply(now)
            st.rerun()
        offer(now if run.steps else None)
    return now


def write(now: Writing, engine: lm.Engine, place: DeltaGenerator, stop_place: DeltaGenerator) -> None:
    """Let the model write, into ``place``, and run the page again; `reply_to` then finds the whole reply.

    Raises:
        LoupeError: what ended it.
    """
    writing(now)
    stop_button(stop_place)
    stream(now.run, engine, place)
    keep_run(now.run)
    st.rerun()
