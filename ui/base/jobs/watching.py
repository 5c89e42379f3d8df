"""A job on the page: how far it is, a Stop, and the page run again when there is something new."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from ui.base.jobs.one import Job
from ui.base.jobs.turns import server_jobs

__all__ = ["watch"]

T = TypeVar("T")
POLL_S = 0.5


def _same(found: T | None) -> object:
    return found


def watch(
    one: Job[T], progress: Callable[[T | None], tuple[float, str]], news: Callable[[T | None], object] = _same
) -> None:
    """Draw how far a job is, with a Stop, and run the page again when it has something new.

    Call it where the progress bar shall stand, after `Job.latest` has been drawn. Of a job that was stopped or has
    failed it draws a button that starts it again; of one that ended well nothing. The error is the page's to show, by
    `Job.result`.

    Args:
        one: the job.
        progress: from its newest result (None before the first) the share that is done, 0 to 1, and a sentence.
        news: what of a result the page draws: the page runs again when that is another. The result itself, if left out.
    """
    if one.ended:
        if one.stopped or one.error is not None:
            label = "Go on" if one.error is None else "Try again"
            st.button(
                label, icon=":material/play_arrow:", on_click=server_jobs().again, args=(one,), key=f"again_{id(one)}"
            )
        return
    drawn = news(one.latest)

    @st.fragment(run_every=POLL_S)
    def look() -> None:
        one.look()
        newest = one.latest
        if one.ended or (news(newest) is not drawn and news(newest) != drawn):
            st.rerun()
        share, said = progress(newest)
        before = 0 if one.running or one.elsewhere else server_jobs().ahead(one)
        if before:
            said = f"Waiting for its turn: {before} before it."
        if one.elsewhere:
            said = f"{said} (on another front end)"
        if one.stopped:
            said = "Stopping after this step …"
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.progress(min(1.0, max(0.0, share)), said)
            st.button(
                "Stop", icon=":material/stop:", on_click=one.stop, key=f"stop_{id(one)}", width="content",
                disabled=one.stopped,
            )  # fmt: skip

    look()
