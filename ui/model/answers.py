"""What a model answers about a text, kept for all sessions: score, attention, attribution. Every cache is bounded."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

import lmloupe as lm
from ui.base.errors import Offer
from ui.base.kept.answers import answered
from ui.base.loaders import engine
from ui.base.words import counted
from ui.state import store as state
from ui.state.thread import n_added

__all__ = [
    "MAX_ATTENTION_TOKENS",
    "TooLongError",
    "attention",
    "attention_summary",
    "attribution",
    "keep_last",
    "offer_end",
    "readable",
    "scored",
]

N_EXPECTED = 10
MAX_ATTENTION_TOKENS = 512
"""Attention of one layer grows with the square of the text: 32 heads over 512 tokens are 34 MB."""


class TooLongError(lm.ContextLengthError):
    """What a page cannot take whole, with the button that keeps the end of it."""

    def __init__(self, sentence: str, offer: Offer) -> None:
        super().__init__(sentence)
        self.offer = offer


def keep_last(setting: str, tok: lm.Tokenizer, n: int) -> None:
    """Cut a shared text to its end, so that a model reads at most ``n`` tokens of it; in a button's ``on_click``."""
    text = state.get(setting)
    room = n
    while True:
        enc = lm.encode(tok, text, add_special_tokens=True)
        if len(enc) <= n:
            state.put(setting, text)
            return
        # A text that begins elsewhere may be cut into one or two tokens more: then a little less of it is kept.
        start = int(enc.offsets[len(enc) - max(1, room - n_added(enc)), 0])
        text = text[max(1, start) :]
        room -= 1


def offer_end(tok: lm.Tokenizer, n: int) -> Offer:
    """The button that cuts the text of all pages to its last ``n`` tokens."""
    return Offer(f"Keep the last {counted(n, 'token')}", keep_last, ("text", tok, n))


def readable(
    loaded: lm.Engine, enc: lm.Encoding, offer: Callable[[lm.Tokenizer, int], Offer] = offer_end, *, reply: int = 0
) -> tuple[int, ...]:
    """The ids of an encoding, once they are some that the model can read.

    Args:
        loaded: the model.
        enc: what it is to read.
        offer: the button that shortens it to at most so many tokens.
        reply: how many tokens the model is to write after it; there must be room for one, and the offer makes room
            for all.

    Raises:
        lmloupe.InvalidTextError: no token at all.
        lmloupe.ContextLengthError: more tokens than the context has room for.
    """
    if len(enc) == 0:
        raise lm.InvalidTextError("The text has no tokens: write at least one character for the model to read.")
    described = loaded.describe()
    limit = described.context_length
    over = len(enc) + min(reply, 1) - limit
    if limit > 0 and over > 0:
        among = ", its reply among them" if reply else ""
        raise TooLongError(
            f"The text has {counted(len(enc), 'token')}, but {described.name} reads at most {limit:,} at once{among}: "
            f"shorten it by {counted(over, 'token')}.",
            offer(loaded.tokenizer, max(1, limit - reply, limit // 2)),
        )
    return tuple(enc.input_ids.tolist())


@st.cache_resource(max_entries=64, show_spinner=False)
def scored(model: str, quantization: lm.Quantization, ids: tuple[int, ...]) -> lm.Scored:
    """Every token of a text under the model's prediction for its place: one forward pass."""
    return answered(engine(model, quantization), lm.Engine.score, ids, top_k=N_EXPECTED)


@st.cache_resource(max_entries=8, show_spinner=False)
def attention(model: str, quantization: lm.Quantization, ids: tuple[int, ...], layer: int) -> lm.AttentionWeights:
    """Attention weights of one layer, (n_heads, n, n), and what goes to a sink."""
    return answered(engine(model, quantization), lm.Engine.attention_weights, ids, layer)


@st.cache_resource(max_entries=32, show_spinner=False)
def attention_summary(model: str, quantization: lm.Quantization, ids: tuple[int, ...]) -> lm.AttentionSummary:
    """Every head of every layer in a few numbers: one pass, which `attention` of the same text goes on from."""
    return answered(engine(model, quantization), lm.Engine.attention_summary, ids)


@st.cache_resource(max_entries=128, show_spinner=False)
def attribution(
    model: str, quantization: lm.Quantization, ids: tuple[int, ...], token_id: int, position: int
) -> lm.Attribution:
    """What each part of the model adds to the logit of a token at a position."""
    return answered(engine(model, quantization), lm.Engine.attribution, ids, token_id, position)
