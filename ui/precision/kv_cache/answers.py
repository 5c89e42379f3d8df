"""What a model answers about its cache, kept for all sessions, and the work that runs in the background."""

from __future__ import annotations

from collections.abc import Iterator

import streamlit as st

import lmloupe as lm
from ui.base.jobs import Job, job
from ui.base.kept.answers import answered
from ui.base.kept.finished import TIMED_S, Finished
from ui.base.kept.folder import machine
from ui.base.loaders import engine, kept_name

__all__ = ["cache_now", "growth_job", "keys_values", "race_job", "reused"]

STEP_AT_ONCE = 256


@st.cache_resource(max_entries=32, show_spinner=False)
def cache_now(model: str, quantization: lm.Quantization, ids: tuple[int, ...]) -> lm.KVCache:
    """The cache after the text, measured once in 256 tokens: what the page has at once."""
    return answered(engine(model, quantization), lm.Engine.kv_cache, ids, step=STEP_AT_ONCE)


@st.cache_resource(max_entries=16, show_spinner=False)
def keys_values(model: str, quantization: lm.Quantization, ids: tuple[int, ...], layer: int) -> lm.KeysValues:
    """What one layer keeps of the text."""
    return answered(engine(model, quantization), lm.Engine.keys_and_values, ids, layer)


@st.cache_resource(max_entries=64, show_spinner=False)
def reused(
    model: str, quantization: lm.Quantization, cached: tuple[int, ...], following: tuple[int, ...]
) -> lm.CacheReuse:
    """One prompt read from the cache of another, and from scratch."""
    return engine(model, quantization).reuse_cache(cached, following)


def growth_job(model: str, quantization: lm.Quantization, ids: tuple[int, ...]) -> Job[lm.KVCache] | None:
    """The text read token by token, begun where nobody has."""

    def work() -> Iterator[lm.KVCache]:
        growth = engine(model, quantization).kv_cache_growth(ids, background=True)
        try:
            yield from growth
        finally:
            growth.close()

    kept = Finished[lm.KVCache](kept_name(model, quantization, "kv_growth", ids), lm.KVCache)
    return job(("kv_growth", model, quantization, ids), work, kept)


def race_job(
    model: str, quantization: lm.Quantization, ids: tuple[int, ...], n_tokens: int, *, start: bool
) -> Job[tuple[lm.RaceStep, ...]] | None:
    """The steps of both ways so far; None where nobody has started it and ``start`` does not.

    What somebody has stopped stays stopped until somebody starts it.
    """

    def work() -> Iterator[tuple[lm.RaceStep, ...]]:
        race = engine(model, quantization).with_and_without_cache(ids, n_tokens, background=True)
        steps: list[lm.RaceStep] = []
        try:
            for step in race:
                steps.append(step)
                yield tuple(steps)
        finally:
            race.close()

    # Seconds of this machine, which another one would not take.
    name = kept_name(model, quantization, "kv_race", ids, n_tokens, machine())
    kept = Finished[tuple[lm.RaceStep, ...]](name, tuple, fresh_s=TIMED_S)
    return job(("kv_race", model, quantization, ids, n_tokens), work if start else None, kept)
