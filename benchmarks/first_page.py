"""From the command to the first page, each time in a fresh server process: without a browser, and in Chromium."""

from __future__ import annotations

import asyncio
import importlib.util
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks.first_paint import CHROMIUM_ARGUMENTS
from benchmarks.harness import Row, none_of, skipped
from benchmarks.server import FRONT_DOOR, first_page_s, open_session, rerun, run_script, serve, wait_until_up

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TARGET = 2.5
HEAVY = ("torch", "transformers")
BARE = 'import streamlit as st\n\nst.write("Hello")\n'
ROWS = 4
PATIENCE_MS = 120_000

Times = tuple[float, float]
"""Seconds from the command until the first figure is there (or the bare app's line), and until the whole page is."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A page that is timed.

    Attributes:
        what: its first figure, in words.
        page: its address; the root where it is empty.
        drawn: whether a message of the server draws the first figure.
        first: what of it is seen in the browser.
        last: what is seen there once the page is whole.
        note: what comes after the first figure.
    """

    what: str
    page: str
    drawn: Callable[[ForwardMsg], bool]
    first: str
    last: str
    note: str


DOOR = Shown(
    "first figure of the front door", "", lambda message: "coconut" in _letters(message),
    ".st-key-figure_word [data-testid='stHtml']", ".st-key-figure_writing [data-testid='stHtml']",
    "after it nine more figures; the model loads later",
)  # fmt: skip
TOKENS = Shown(
    "first row of Tokens", "tokens",
    lambda message: message.delta.new_element.bidi_component.component_name == "lmloupe_token_view",
    ".flow .t", f".flow >> nth={ROWS - 1} >> .t >> nth=0", "after it the row's card, the ruler and the charts",
)  # fmt: skip
SHOWN = (DOOR, TOKENS)


def _letters(message: ForwardMsg) -> str:
    """What stands in the boxes of a row of letters."""
    return re.sub(r"<[^>]*>", "", message.delta.new_element.html.body)


def rows(rounds: int = 3) -> list[Row]:
    """Seconds until the front door and Tokens have a first figure and are whole, against one line; what is imported."""
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE)
        rows = _both(
            _timed(bare, rounds, _without_browser), "from the command", "on two cores, without the browser's share"
        )
        return [
            *rows,
            *_chromium(bare, rounds),
            none_of("  heavy modules the server loads for it", HEAVY, imported(HEAVY)),
        ]


Timed = list[tuple[Times, ...]]
"""A round each: the times of `SHOWN` in order, and last the bare app's."""


def _timed(bare: Path, rounds: int, measure: Callable[[Path, Shown | None], Times]) -> Timed:
    """Ours and the bare app's, in turns; the round that warms the disk cache does not count and is left out."""
    taken = []
    for number in range(1 + rounds):
        order: tuple[Shown | None, ...] = (*SHOWN, None)
        times = {
            one: measure(bare if one is None else FRONT_DOOR, one) for one in (order if number % 2 else order[::-1])
        }
        taken.append(tuple(times[one] for one in order))
    return taken[1:]


def _both(timed: Timed, until: str, note: str) -> list[Row]:
    """Two rows for each page: its first figure, and all of it."""
    found = []
    for place, shown in enumerate(SHOWN):
        found += [
            _row(f"{shown.what} {until}", timed, place, 0, TARGET, note),
            _row(f"  the whole page {until}", timed, place, 1, None, shown.note),
        ]
    return found


def _row(what: str, timed: Timed, place: int, which: int, target: float | None, note: str) -> Row:
    ours = [taken[place][which] for taken in timed]
    floor = [taken[-1][1] for taken in timed]
    return Row(
        what,
        median(ours),
        median(floor),
        "Streamlit app of one line",
        ratio=median(a / b for a, b in zip(ours, floor, strict=True)),
        target=target,
        note=f"{note}; slowest of the runs {max(ours):.2f} s",
    )


def _without_browser(script: Path, shown: Shown | None) -> Times:
    with serve(script) as server:
        wait_until_up(server)

        async def once() -> Times:
            connection = await open_session(server)
            first = None
            # A page that shows its rows one after another may run its script several times.
            async for message in run_script(connection, rerun(server, "" if shown is None else shown.page)):
                if first is None and shown is not None and shown.drawn(message):
                    first = time.perf_counter() - server.started
            whole = time.perf_counter() - server.started
            await connection.close()
            return whole if first is None else first, whole

        return asyncio.run(once())


def _chromium(bare: Path, rounds: int) -> list[Row]:
    what = f"{DOOR.what} seen in Chromium"
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        return [skipped(what, "no chromium on this machine")]
    if importlib.util.find_spec("playwright") is None:
        return [skipped(what, "Playwright is not installed: it is in requirements-dev.txt")]
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        timed = _timed(bare, rounds, lambda script, shown: _seen(browser, script, shown))
        browser.close()
    return _both(timed, "seen in Chromium", "in a browser that runs already, its cache empty")


def _seen(browser: Browser, script: Path, shown: Shown | None) -> Times:
    with serve(script) as server:
        wait_until_up(server)
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.goto(f"http://127.0.0.1:{server.port}/{'' if shown is None else shown.page}", wait_until="commit")
        if shown is None:
            page.get_by_text("Hello", exact=True).wait_for(timeout=PATIENCE_MS)
        else:
            page.locator(shown.first).first.wait_for(timeout=PATIENCE_MS)
        first = whole = time.perf_counter() - server.started
        if shown is not None:
            page.locator(shown.last).first.wait_for(timeout=PATIENCE_MS)
            whole = time.perf_counter() - server.started
        page.context.close()
        return first, whole


def imported(names: tuple[str, ...]) -> list[str]:
    """Which of the modules a server has imported when its first page is there.

    Python itself keeps the list (``-X importtime`` by variable), in a run of its own: it slows the start.
    """
    with serve(FRONT_DOOR, PYTHONPROFILEIMPORTTIME="1") as server:
        first_page_s(server)
        seen = set(re.findall(r"^import time:.*\| +(\S+)\s*$", server.log.read_text(errors="replace"), re.MULTILINE))
    assert "streamlit" in seen, "the server did not list its imports"
    return [name for name in names if name in seen]
