"""A slider on Next token: the server's whole answer, with no forward pass in it, against the stages alone."""

from __future__ import annotations

from itertools import cycle
from typing import Any
from unittest.mock import patch

from benchmarks.harness import Row, paired, skipped
from benchmarks.server import FRONT_DOOR

TARGET_MS = 50.0
VIEWS = ("best", "draws", "settings", "vocabulary")
ROLLS = "200"  # of the die, whose draws follow the slider too


def rows(rounds: int = 15, views: tuple[str, ...] = VIEWS) -> list[Row]:
    """The page run again after the temperature has moved, in the views that follow a slider."""
    import lmloupe as lm

    try:
        lm.ensure_embedded_model()
    except lm.LoupeError as error:
        return [skipped("a slider on Next token", str(error))]
    return [_slider(view, rounds) for view in views]


def _slider(view: str, rounds: int) -> Row:
    from streamlit.runtime.scriptrunner.script_cache import ScriptCache
    from streamlit.testing.v1 import app_test, local_script_runner

    # A server compiles each page once; AppTest would do it at every run.
    compiled = ScriptCache()
    with (
        patch.object(app_test, "ScriptCache", lambda: compiled),
        patch.object(local_script_runner, "ScriptCache", lambda: compiled),
    ):
        return _measured(view, rounds)


def _measured(view: str, rounds: int) -> Row:
    import streamlit as st
    from streamlit.testing.v1 import AppTest

    import lmloupe as lm
    from ui.base.loaders import engine
    from ui.state.settings import DEFAULT_TEXT, EMBEDDED_MODEL

    app = AppTest.from_file(str(FRONT_DOOR), default_timeout=120)
    app.query_params["next_view"] = view
    app.query_params["rolls"] = ROLLS
    app.switch_page("pages/prediction/next_token.py")
    app.run()
    if app.exception:
        raise RuntimeError(f"Next token failed: {app.exception[0].message}")
    loaded: Any = engine(EMBEDDED_MODEL, lm.machine_defaults().quantization)
    answer = loaded.next_token(DEFAULT_TEXT)
    values = cycle([0.5, 0.9, 0.7, 1.3])

    def forbidden(*_: object) -> None:
        raise AssertionError("a slider ran the model")

    def ours() -> None:
        app.slider(key="temperature").set_value(next(values)).run()
        if app.exception:
            raise RuntimeError(f"Next token failed: {app.exception[0].message}")

    def floor() -> None:
        lm.sampling_stages(answer.logits, lm.Sampling(temperature=0.7), answer.input_ids)

    kept = loaded.loaded.worker.call
    loaded.loaded.worker.call = forbidden
    try:
        got = paired(ours, floor, rounds=rounds, warm_up=2)
    finally:
        loaded.loaded.worker.call = kept
        st.cache_data.clear()
    return Row(
        f"a slider on Next token, view {view!r}",
        got.ours_s * 1e3,
        got.floor_s * 1e3,
        "sampling_stages alone",
        unit="ms",
        ratio=got.ratio,
        target=TARGET_MS,
        judged="ours",
        note="the page's script as AppTest runs it, compiled once; the model's worker refuses every call meanwhile",
    )
