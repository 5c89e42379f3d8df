"""The chart of Next token: bars, strip and die, and what a click in them does."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import streamlit as st

import lmloupe as lm
from ui.base import theme
from ui.base.labels import token_label
from ui.base.words import counted, probability
from ui.components.distribution_view import (
    Rolled,
    Strip,
    distribution_bars,
    distribution_view,
    rolled_by,
    token_picked_in,
)
from ui.prediction.sampling_frames import best_ids
from ui.state import store as state
from ui.state.settings import SETTINGS

__all__ = ["finding_of", "rolled", "show_chart", "written"]

N_BARS = 12
N_BARS_PRESENTING = 8  # so that the temperature below them is on the screen as well
N_DOTS = 200
KEY = "distribution"
THROWS = (0, 1, 10, 200)


def written(tok: lm.Tokenizer, token_id: int) -> str | None:
    """The text that this token adds; None for a part of a character and for a row that no token names."""
    if not tok.has(token_id):
        return None
    piece = lm.decode(tok, [token_id])
    return None if "\ufffd" in piece or not piece else piece


def _is_text(tok: lm.Tokenizer, token_id: int) -> bool:
    """Whether `written` gives a text, without asking a tokenizer that may run in another process."""
    if not tok.has(token_id):
        return False
    raw = tok.token_bytes(token_id)
    try:
        return raw.decode() != ""
    except UnicodeDecodeError:
        return False


def rolled(probs: np.ndarray) -> lm.Rolls | None:
    """The draws that the settings ask for; None where the die was not thrown yet."""
    n = state.get("rolls")
    return lm.roll(probs, n, state.get("seed")) if n else None


def finding_of(tok: lm.Tokenizer, stages: Sequence[lm.Stage]) -> str:
    """What the bars show, in one sentence of plain text."""
    own, last = stages[0], stages[-1]
    best = int(last.probs.argmax())
    label, chance = token_label(tok, best), probability(float(last.probs[best]))
    if all(stage.probs is own.probs for stage in stages):
        return f"“{label}” is the model's first guess, with {chance}"
    sentence = f"“{label}” is drawn with {chance}; the model itself gives it {probability(float(own.probs[best]))}"
    left, n = int(last.kept.sum()), int(own.kept.sum())
    return sentence if left == n else f"{sentence}. {counted(n - left, 'other token')} can no longer be drawn"


def show_chart(
    tok: lm.Tokenizer, answer: lm.NextToken, stages: Sequence[lm.Stage], sampling: lm.Sampling, colour: str
) -> None:
    """Draw the most probable tokens, what the settings make of them, and the die.

    Args:
        tok: the model's tokenizer.
        answer: the scores after the text.
        stages: of `lmloupe.sampling_stages`, from these scores.
        sampling: the settings.
        colour: the model's.
    """
    probs = stages[-1].probs
    n_bars = N_BARS if theme.chart_scale() == 1 else N_BARS_PRESENTING
    ids = best_ids(answer.logits, n_bars).tolist()
    draws = rolled(probs)
    counts = None if draws is None else np.bincount(draws.ids, minlength=len(probs))
    bars = distribution_bars(
        stages, sampling, ids, [token_label(tok, i) for i in ids], counts, [_is_text(tok, i) for i in ids]
    )
    on_strip = [int(i) for i in best_ids(probs, n_bars) if probs[i] > 0]
    strip = Strip(
        tuple(on_strip), tuple(token_label(tok, i) for i in on_strip), tuple(float(probs[i]) for i in on_strip)
    )
    state_of_die = Rolled(0, state.get("seed"))
    if draws is not None:
        places = tuple(round(float(place), 6) for place in draws.places[-N_DOTS:])
        state_of_die = Rolled(len(draws.ids), state.get("seed"), places, token_label(tok, int(draws.ids[-1])))
    of = str(zlib.crc32(answer.logits.tobytes()))
    distribution_view(
        bars, strip, state_of_die, axis_end=int(state.get("axis_end")) / 100,
        unchanged=all(stage.probs is stages[0].probs for stage in stages), colour=colour, key=KEY, of=of,
        on_pick=lambda: _add(tok, of), on_roll=lambda: _throw(of),
    )  # fmt: skip


def _add(tok: lm.Tokenizer, of: str) -> None:
    token_id = token_picked_in(st.session_state.get(KEY), of)
    piece = None if token_id is None else written(tok, token_id)
    if piece is not None:
        state.put("text", state.get("text") + piece)


def _throw(of: str) -> None:
    n = rolled_by(st.session_state.get(KEY), of)
    if n in THROWS:
        most = int(SETTINGS["rolls"].high or 0)
        state.put("rolls", min(most, state.get("rolls") + n) if n else 0)
