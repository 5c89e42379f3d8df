"""From the command to the first page, each time in a fresh server process: without a browser, and in Chromium."""

from __future__ import annotations

import asyncio
import importlib.util
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.first_paint import CHROMIUM_ARGUMENTS
from benchmarks.harness import Row, none_of, skipped
from benchmarks.server import FRONT_DOOR, first_page_s, open_session, rerun, run_script, serve, wait_until_up

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TARGET = 2.5
HEAVY = ("torch", "transformers")
BARE = 'import streamlit as st\n\nst.write("Hello")\n'
VIEW = "lmloupe_token_view"
ROWS = 4
IN_CHROMIUM = "first row of tokens seen in Chromium"
PATIENCE_MS = 120_000

Times = tuple[float, float]
"""Seconds from the command until the first row (or the bare app's line) is there, and until the whole page is."""


def rows(rounds: int = 3) -> list[Row]:
    """Seconds until the Tokens page has its first row and is whole, against an app of one line; what is imported."""
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE)
        times = _pairs(bare, rounds, _without_browser)
        loaded = imported(HEAVY)
        return [
            _row("first row of tokens from the command", times, 0, TARGET, "on two cores, without the browser's share"),
            _row("  the whole first page", times, 1, None, "after it the row's card, the ruler and the charts"),
            *_chromium(bare, rounds),
            none_of("  heavy modules the server loads for it", HEAVY, loaded),
        ]


def _pairs(bare: Path, rounds: int, measure: Callable[[Path], Times]) -> list[tuple[Times, Times]]:
    """Ours and the bare app's, in turns; the pair that warms the disk cache does not count and is left out."""
    pairs = []
    for number in range(1 + rounds):
        order = (FRONT_DOOR, bare) if number % 2 == 0 else (bare, FRONT_DOOR)
        taken = {script: measure(script) for script in order}
        pairs.append((taken[FRONT_DOOR], taken[bare]))
    return pairs[1:]


def _row(what: str, pairs: list[tuple[Times, Times]], which: int, target: float | None, note: str) -> Row:
    ours = [ours[which] for ours, _ in pairs]
    floor = [bare[1] for _, bare in pairs]
    return Row(
        what,
        median(ours),
        median(floor),
        "Streamlit app of one line",
        ratio=median(a / b for a, b in zip(ours, floor, strict=True)),
        target=target,
        note=f"{note}; slowest of the runs {max(ours):.2f} s",
    )


def _without_browser(script: Path) -> Times:
    with serve(script) as server:
        wait_until_up(server)

        async def once() -> Times:
            connection = await open_session(server)
            first = None
            # A page that shows its rows one after another may run its script several times.
            async for message in run_script(connection, rerun(server)):
                drawn = message.delta.new_element.bidi_component.component_name
                if first is None and drawn == VIEW:
                    first = time.perf_counter() - server.started
            whole = time.perf_counter() - server.started
            await connection.close()
            return whole if first is None else first, whole

        return asyncio.run(once())


def _chromium(bare: Path, rounds: int) -> list[Row]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        return [skipped(IN_CHROMIUM, "no chromium on this machine")]
    if importlib.util.find_spec("playwright") is None:
        return [skipped(IN_CHROMIUM, "Playwright is not installed: it is in requirements-dev.txt")]
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        times = _pairs(bare, rounds, lambda script: _seen(browser, script))
        browser.close()
    note = "in a browser that runs already, its cache empty"
    return [_row(IN_CHROMIUM, times, 0, TARGET, note), _row(f"  all {ROWS} rows", times, 1, None, note)]


def _seen(browser: Browser, script: Path) -> Times:
    with serve(script) as server:
        wait_until_up(server)
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.goto(f"http://127.0.0.1:{server.port}/", wait_until="commit")
        if script == FRONT_DOOR:
            tokens = page.locator(".flow .t")
            tokens.first.wait_for(timeout=PATIENCE_MS)
        else:
            page.get_by_text("Hello", exact=True).wait_for(timeout=PATIENCE_MS)
        first = whole = time.perf_counter() - server.started
        if script == FRONT_DOOR:
            page.locator(".flow").nth(ROWS - 1).locator(".t").first.wait_for(timeout=PATIENCE_MS)
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
