"""A page that has lost the cluster looks for it every few seconds, and comes back by itself."""

from __future__ import annotations

import time

import streamlit as st

from ui.cluster.presence import presence

__all__ = ["come_back"]

LOOK_S = 3.0
MOST_S = 48.0
"""Longest time between two tries where the cluster answers and the question still finds nobody."""
_TRIES = "cluster_tries"
_LOOKS = "Looking for the cluster; this page comes back by itself."


def come_back(words: str = _LOOKS, *, tries_again: bool = True) -> None:
    """Say that the page looks for the cluster, and run it again once that answers or serves something else.

    Call it below the sentence that says that nobody answers, or that something is not served.

    Args:
        words: what the page says meanwhile.
        tries_again: run it again now and then also where the cluster says the same as before.
    """
    drawn, since = presence().known, time.monotonic()
    tries, last = st.session_state.get(_TRIES, (0, since))
    if since - last > 2 * MOST_S:
        tries = 0
    pause = min(LOOK_S * 2**tries, MOST_S)

    @st.fragment(run_every=LOOK_S)
    def look() -> None:
        now = time.monotonic()
        there = now - since >= LOOK_S / 2 and presence().is_there()  # not in the run that has just found nobody
        if there and (presence().known != drawn or (tries_again and now - since >= pause)):
            st.session_state[_TRIES] = (tries + 1, now)
            st.rerun()
        st.caption(f":material/hourglass_empty: {words}")

    look()
