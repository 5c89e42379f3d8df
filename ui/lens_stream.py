"""Computing the logit lens in front of a person: rows are drawn as they come, and Stop stops the model."""

from __future__ import annotations

import time
from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

import lmloupe as lm
from ui.layers_view import grid, half_drawn
from ui.lens_run import TOP_K, Cell, LensRun

__all__ = ["draw_rows", "stream_lens"]

POLL_S = 0.1
REDRAW_S = 0.3
_STOPPED = "lens_stopped"


def stream_lens(
    run: LensRun, engine: lm.Engine, positions: range, by: str, reads: Sequence[str], button: DeltaGenerator
) -> bool:
    """Compute what ``run`` lacks at ``positions``, drawing it as it comes; ``button`` holds Stop, or Go on after it.

    Returns:
        Whether every cell is there.
    """
    n_layers = engine.describe().n_layers
    here = (run.request, positions)
    if run.has(n_layers, positions):
        return True
    if st.session_state.get(_STOPPED) == here:
        button.button(
            "Go on", icon=":material/play_arrow:", on_click=_stop_at, args=(None,),
            help="Computes the rows that are missing.",
        )  # fmt: skip
        return False
    button.button(
        "Stop", icon=":material/stop:", on_click=_stop_at, args=(here,),
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


def _stop_at(here: object) -> None:
    st.session_state[_STOPPED] = here


def draw_rows(
    run: LensRun, engine: lm.Engine, positions: range, by: str, reads: Sequence[str], place: DeltaGenerator
) -> None:
    """Ask for the rows that ``run`` lacks, and draw all that are there into ``place`` as they come.

    A Stop, another click or a closed tab reaches this script as an exception at its next Streamlit call, so there is
    one at least every tenth of a second; `finally` then stops the model.
    """
    described = engine.describe()
    layers = run.missing(described.n_layers, positions)
    rows = engine.lens_rows(run.request.ids, layers, list(positions), TOP_K)
    drawn = 0.0
    try:
        while True:
            try:
                row = rows.poll(POLL_S)
            except StopIteration:
                break
            if row is not None:
                _keep(run, row)
            if row is None or time.monotonic() - drawn > REDRAW_S:
                shown = grid(run, described.n_layers, positions, by, engine.tokenizer, described.vocab_rows)
                place.html(half_drawn(shown, reads))
                drawn = time.monotonic()
    finally:
        rows.close()


def _keep(run: LensRun, row: lm.LensRow) -> None:
    for i, position in enumerate(row.positions.tolist()):
        run.cells[row.layer, position] = Cell(
            row.token_ids[i], row.log_probs[i], float(row.entropy_bits[i]), float(row.final_log_probs[i]),
            int(row.final_ranks[i]), float(row.norms[i]),
        )  # fmt: skip
