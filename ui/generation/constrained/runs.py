"""The same prompt written twice, under the grammar and without it: shared with other sessions, watched as they grow."""

from __future__ import annotations

import html
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import lmloupe as lm
from ui.base import theme
from ui.generation.live.runs import Request, Run
from ui.generation.live.shared import GRACE_S, Watch, attach, finished_run

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

__all__ = ["written"]

POLL_S = 0.05
REDRAW_S = 0.12
TITLES = ("With the grammar", "Without it")


def written(requests: Sequence[Request], engine: lm.Engine, place: DeltaGenerator) -> list[Run]:
    """The runs of some requests, all at once; while they are written, what there is so far is drawn into ``place``.

    An error of the engine ends its run alone, which then says so in ``failed``; what was written before stays.

    Raises:
        LoupeError: the engine refuses a request.
    """
    runs = [finished_run(request) or Run(request) for request in requests]
    watches: dict[int, Watch] = {}
    drawn = 0.0
    try:
        for i, run in enumerate(runs):
            if not run.finished:
                watches[i] = attach(run.request, engine)
        while watches:
            for i, watch in list(watches.items()):
                try:
                    runs[i].steps += watch.news(POLL_S / len(watches))
                except StopIteration:
                    runs[i].finished = True
                    watches.pop(i).leave()
                except lm.LoupeError as error:
                    runs[i].failed = error
                    watches.pop(i).leave()
            # A closed tab or another click arrives here as an exception.
            if time.monotonic() - drawn > REDRAW_S:
                place.html(_as_html(runs))
                drawn = time.monotonic()
    finally:
        for watch in watches.values():
            watch.leave(GRACE_S)
    place.empty()
    return runs


def _as_html(runs: Sequence[Run]) -> str:
    # The model's words are a stranger's text: escaped, every piece.
    parts = []
    for title, run in zip(TITLES, runs, strict=True):
        text = html.escape("".join(step.text for step in run.steps))
        parts.append(
            f'<p style="opacity:{theme.QUIET};font-size:0.875rem;margin:0">{title}</p>'
            f'<div style="white-space:pre-wrap;overflow-wrap:anywhere;font-size:1.25rem;line-height:1.6">{text}▍</div>'
        )
    return "".join(parts)
