"""The page Bytes and speed."""

from __future__ import annotations

from itertools import repeat
from pathlib import Path

import pytest

from tests.support.jobs import finish_jobs, stop_jobs
from tests.support.pages import no_exception, open_page, output_of, payload_of
from tests.support.pages import sentences as said
from ui.base.jobs import server_jobs
from ui.precision.speed.words import megabytes
from ui.state.settings import EMBEDDED_MODEL


@pytest.mark.model
def test_bytes_stand_there_at_once_and_speeds_come_when_asked_for(embedded_model_folder: Path) -> None:
    app = no_exception(
        open_page("speed", speed_precisions="float32,float16", speed_prompt="4", speed_tokens="1", speed_rounds="1")
    )
    assert app.header[0].value.replace("\\", "") == "float16 takes 269.0 MB where float32 takes 538.1 MB"
    rows = payload_of(app, "speed_bars")["rows"]
    assert [row["cells"][0]["text"] for row in rows] == ["538.1 MB", "269.0 MB"]
    assert {cell["text"] for row in rows for cell in row["cells"][1:]} == {"not measured yet"}
    printed = [line.split() for line in output_of(app)]
    assert printed[0] == ["float32", "538060032", "538060288"]
    assert printed[-1] == ["footprint", "538060288"]
    next(button for button in app.button if button.label == "Measure speed here").click().run()
    finish_jobs()
    no_exception(app.run())
    assert "of the memory and writes" in app.header[0].value
    bars = payload_of(app, "speed_bars")
    assert bars["columns"][0] == "Weights in memory, measured"
    assert [row["cells"][0]["text"] for row in bars["rows"]] == [megabytes(538060032), megabytes(269030016)]
    assert all(cell["value"] > 0 for row in bars["rows"] for cell in row["cells"])
    assert "in turn, a round of each at a time" in said(app)
    assert app.header[1].value == "Why it is so"


def test_a_precision_that_is_not_stored_is_not_taken_from_a_link() -> None:
    app = no_exception(open_page("explain_config", speed_precisions="float32,q4_0"))
    assert any("speed_precisions" in box.value for box in app.warning)


@pytest.mark.model
def test_what_was_stopped_or_has_failed_has_one_button_that_starts_it(embedded_model_folder: Path) -> None:
    key = ("speed", EMBEDDED_MODEL, ("float16",), 3, 1, 1)
    stopped = server_jobs().job(key, lambda: repeat(None))
    assert stopped is not None
    stop_jobs()
    app = no_exception(
        open_page("speed", speed_precisions="float16", speed_prompt="3", speed_tokens="1", speed_rounds="1")
    )
    assert [one.label for one in app.button if "easure" in one.label] == []
    next(one for one in app.button if one.label == "Go on").click().run()
    assert server_jobs().job(key, None) is not stopped
