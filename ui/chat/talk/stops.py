"""The tokens that end a reply: who names each, and a switch to leave it out and see the model run on."""

from __future__ import annotations

import streamlit as st

import lmloupe as lm
from ui.base.errors import escape_markdown
from ui.chat.facts import stop_words
from ui.chat.talk.actions import ask_again
from ui.state import store as state

__all__ = ["choose_stops", "stop_ids"]


def stop_ids(stops: lm.StopSet) -> tuple[int, ...] | None:
    """What ends a reply as the switches stand; None for the model's own set."""
    own = {stop.token_id for stop in stops.tokens if stop.ends_generation}
    known = {stop.token_id for stop in stops.tokens}
    now = own ^ (known & set(state.get("stops_changed")))
    return None if now == own else tuple(sorted(now))


def choose_stops(stops: lm.StopSet, reply: int | None) -> None:
    """Draw one switch a token.

    Args:
        stops: all that ends a reply.
        reply: the last turn, where the model wrote it: it is written anew when a switch is moved.
    """
    changed = set(state.get("stops_changed"))
    if stops.template_error:
        st.caption(escape_markdown(f"What ends a turn in this template is not known: {stops.template_error}"))
    if not stops.tokens:
        st.caption(
            "Nothing ends a reply but the maximum of new tokens: neither the model nor its tokenizer has a stop."
        )
    for stop in stops.tokens:
        key = f"conversation_stop_{stop.token_id}"
        st.session_state[key] = stop.ends_generation != (stop.token_id in changed)
        st.toggle(
            escape_markdown(f"{stop.content or 'a row without a token'} ends a reply"),
            key=key,
            on_change=_flip,
            args=(stop.token_id, reply),
            help="Off: the model writes on, to the next stop token or to the maximum of new tokens.",
        )
        st.caption(escape_markdown(stop_words(stop)))


def _flip(token_id: int, reply: int | None) -> None:
    if reply is not None:
        ask_again(reply, same_seed=True)
    state.put("stops_changed", sorted(set(state.get("stops_changed")) ^ {token_id}))
