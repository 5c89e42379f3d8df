"""The rest of a logit lens, computed while nobody asks the model anything: one text after another.

It goes on from the positions on the screen, as long as a session looks at them and has not pressed Stop. In the worker
its products come after everybody's questions.
"""

from __future__ import annotations

import threading

import streamlit as st

import lmloupe as lm
from ui.prediction.lens.run import TOP_K, Claim, LensRun, Part

__all__ = ["AT_ONCE", "Background", "background"]

POLL_S = 0.1
AT_ONCE = 96
"""Positions that are asked for together: a few screens, so that the next one is soon whole."""


class Background:
    """Lenses that wait for their rest, and the one thread that has it computed while there are any.

    One text at a time: the engine keeps the pass over one.
    """

    def __init__(self) -> None:
        self._waiting: dict[LensRun, lm.Engine] = {}
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def add(self, run: LensRun, engine: lm.Engine) -> None:
        """Have the rest of a lens computed; nothing more happens where that is so already."""
        with self._lock:
            self._waiting[run] = engine
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="lens-background", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            with self._lock:
                run = next(iter(self._waiting), None)
                if run is None:
                    self._thread = None
                    return
                engine = self._waiting.pop(run)
            try:
                _finish(run, engine)
            except Exception as error:
                run.failed = error


def _finish(run: LensRun, engine: lm.Engine) -> None:
    n_layers = engine.describe().n_layers
    while run.watched:
        part = run.part(n_layers, run.free(), AT_ONCE)
        if part is None:
            return
        with run.claim(part.positions, background=True) as claim:
            if claim is not None:
                _compute(run, engine, part, claim)


def _compute(run: LensRun, engine: lm.Engine, part: Part, claim: Claim) -> None:
    rows = engine.lens_rows(run.request.ids, part.layers, part.positions, TOP_K, background=True)
    try:
        while run.watched and not claim.wanted.is_set():
            row = rows.poll(POLL_S)
            if row is not None:
                run.cells.keep(row)
    except StopIteration:
        return
    finally:
        rows.close()


@st.cache_resource(show_spinner=False)
def background() -> Background:
    """The one of this server."""
    return Background()
