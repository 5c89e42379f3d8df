"""Computing the logit lens in front of a person: rows are drawn as they come, and Stop stops the model.

First the positions on the screen, then the rest of the text in the background; a line says how far that is.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import streamlit as st

import lmloupe as lm
from ui.base.errors import show_errors
from ui.cluster.presence import is_over
from ui.prediction.lens.background import background
from ui.prediction.lens.run import TOP_K, LensRun
from ui.prediction.lens.view import grid, half_drawn

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

__all__ = ["draw_rows", "fill_rows", "show_rest", "stream_lens"]

POLL_S = 0.1
REDRAW_S = 0.3
REST_S = 1.0
_STOPPED = "lens_stopped"
_REST_STOPPED = "lens_rest_stopped"
_SESSION = "lens_session"
_LOOKS_AT = "lens_looks_at"


def stream_lens(
    run: LensRun, engine: lm.Engine, positions: range, by: str, reads: Sequence[str], button: DeltaGenerator
) -> bool:
    """Compute what ``run`` lacks at ``positions``, drawing it as it comes; ``button`` holds Stop, or Go on after it.

    Returns:
        Whether every cell is there.
    """
    n_layers = engine.describe().n_layers
    _look_at(run)
    here = (run.request, positions)
    if run.has(n_layers, positions):
        return True
    if st.session_state.get(_STOPPED) == here:
        button.button(
            "Go on", icon=":material/play_arrow:", on_click=_go_on, args=(run,),
            help="Computes the rows that are missing.",
        )  # fmt: skip
        return False
    button.button(
        "Stop", icon=":material/stop:", on_click=_stop, args=(run, here),
        help="Stops before the next row; the rows that are there stay.",
    )  # fmt: skip
    place = st.empty()
    try:
        draw_rows(run, engine, positions, by, reads, place)
    except lm.LoupeError:
        # The model's numbers turned out to be none: half a grid and its button must not stay.
        place.empty()
        button.empty()
        raise
    place.empty()
    button.empty()
    return True


def _session() -> str:
    """A name for this session, for the lenses that it looks at."""
    name: str = st.session_state.setdefault(_SESSION, uuid.uuid4().hex)
    return name


def _look_at(run: LensRun) -> None:
    """A session looks at one lens: what the text was before, key by key, is no longer worth computing."""
    before = st.session_state.get(_LOOKS_AT)
    if before is not None and before is not run:
        before.leave(_session())
    st.session_state[_LOOKS_AT] = run


def _stop(run: LensRun, here: object) -> None:
    st.session_state[_STOPPED] = here
    st.session_state[_REST_STOPPED] = run.request
    run.leave(_session())


def _go_on(run: LensRun) -> None:
    st.session_state[_STOPPED] = st.session_state[_REST_STOPPED] = None
    run.failed = None


def draw_rows(
    run: LensRun, engine: lm.Engine, positions: range, by: str, reads: Sequence[str], place: DeltaGenerator
) -> None:
    """Ask for the rows that ``run`` lacks, and draw all that are there into ``place`` as they come."""
    described = engine.describe()

    def draw() -> None:
        shown = grid(run, described.n_layers, positions, by, engine.tokenizer, described.vocab_rows)
        place.html(half_drawn(shown, reads))

    fill_rows(run, engine, positions, draw)


def fill_rows(run: LensRun, engine: lm.Engine, positions: range, draw: Callable[[], object]) -> None:
    """Ask for the rows that ``run`` lacks, and call ``draw`` as they come.

    Where another session has asked for some of them already, wait for its rows, and go on where it leaves.
    A Stop, another click or a closed tab reaches this script as an exception at its next Streamlit call, so ``draw``
    makes one, at least every tenth of a second; `finally` then stops the model.
    """
    n_layers, drawn = engine.describe().n_layers, 0.0
    while not run.has(n_layers, positions):
        with run.claim(positions) as claim, _rows(run, engine, positions if claim else None) as rows:
            while True:
                row = None
                try:
                    if rows is None:
                        time.sleep(POLL_S)
                    else:
                        row = rows.poll(POLL_S)
                except StopIteration:
                    break
                if row is not None:
                    run.cells.keep(row)
                if row is None or time.monotonic() - drawn > REDRAW_S:
                    draw()
                    drawn = time.monotonic()
                if rows is None:
                    break


@contextmanager
def _rows(run: LensRun, engine: lm.Engine, positions: range | None) -> Iterator[lm.LensRows | None]:
    """What the model has to say next at these positions, closed at the end; None for no positions."""
    part = None if positions is None else run.part(engine.describe().n_layers, positions)
    if part is None:
        yield None
        return
    rows = engine.lens_rows(run.request.ids, part.layers, part.positions, TOP_K)
    try:
        yield rows
    finally:
        rows.close()


def show_rest(run: LensRun, engine: lm.Engine, first: int) -> None:
    """Have the rest of the text computed in the background, and say in one line how far it is, with Stop.

    Args:
        run: the lens, whose positions on the screen are complete.
        engine: the model.
        first: of the positions on the screen.
    """
    n_layers = engine.describe().n_layers
    run.looks_at = first
    if is_over(run.failed):
        run.failed = None

    def goes_on() -> bool:
        return bool(
            run.failed is None and st.session_state.get(_REST_STOPPED) != run.request and run.n_missing(n_layers)
        )

    going = goes_on()

    def line() -> None:
        now = goes_on()
        if now != going:
            st.rerun()
        if now:
            run.watch(_session())
            background().add(run, engine)
        with show_errors(), st.container(horizontal=True, gap="small", vertical_alignment="center"):
            if run.failed is not None:
                raise run.failed
            _say(run, n_layers, going=now)

    st.fragment(line, run_every=REST_S if going else None)()


def _say(run: LensRun, n_layers: int, *, going: bool) -> None:
    n_all = (n_layers + 1) * len(run.request.ids)
    missing = run.n_missing(n_layers)
    if not missing:
        st.caption(f"All {n_all:,} cells are computed; every position now appears at once.")
        return
    there = f"{n_all - missing:,} of {n_all:,} cells of the text are computed"
    if going:
        st.button(
            "Stop the rest", icon=":material/stop:", on_click=_stop, args=(run, None),
            help="Stops computing the places that are not on the screen; what is there stays.",
        )  # fmt: skip
        st.caption(f"{there}; the rest follows while the model has nothing else to do.")
    else:
        st.button(
            "Compute the rest", icon=":material/play_arrow:", on_click=_go_on, args=(run,),
            help="Computes the places that are not on the screen, while the model has nothing else to do.",
        )  # fmt: skip
        st.caption(f"{there}.")
