"""The same prompt written twice, under the grammar and without it: shared with other sessions, watched as they grow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import streamlit as st

import lmloupe as lm
from ui.generation.live.runs import Request, Run, bare
from ui.generation.live.shared import GRACE_S, Watch, attach, finished_run
from ui.generation.live.stream import ReplyPicture, give_way, who_is_served

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

__all__ = ["written"]

POLL_S = 0.05
TITLES = ("With the grammar", "Without it")


def written(requests: Sequence[Request], engine: lm.Engine, place: DeltaGenerator) -> list[Run]:
    """The runs of some requests, all at once; while they are written, what there is so far is drawn into ``place``.

    An error of the engine ends its run alone, which then says so in ``failed``; what was written before stays.

    Raises:
        LoupeError: the engine refuses a request.
    """
    runs = [finished_run(request) or Run(request) for request in requests]
    watches: dict[int, Watch] = {}
    try:
        for i, run in enumerate(runs):
            if not run.finished:
                watches[i] = attach(run.request, engine)
        pictures = _pictures(runs, watches, engine, place)
        while watches:
            for i, watch in list(watches.items()):
                try:
                    runs[i].steps += watch.news(POLL_S / len(watches))
                except StopIteration:
                    runs[i].finished = True
                    watches.pop(i).leave()
                except lm.LoupeError as error:
                    runs[i].failed = bare(error)
                    watches.pop(i).leave()
                said = who_is_served(engine) if i == min(pictures) else None
                pictures[i].draw(runs[i].steps, watch, said, now=i not in watches)
            give_way()
    finally:
        for watch in watches.values():
            watch.leave(GRACE_S)
    place.empty()
    return runs


def _pictures(
    runs: Sequence[Run], watches: Mapping[int, Watch], engine: lm.Engine, place: DeltaGenerator
) -> dict[int, ReplyPicture]:
    """A picture of each that is still written, one below the other."""
    pictures = {}
    with place.container(gap="xxsmall"):
        for i, watch in watches.items():
            st.caption(TITLES[i])
            pictures[i] = ReplyPicture(runs[i], watch.name, engine.tokenizer)
    return pictures
