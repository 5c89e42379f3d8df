"""Fixtures that run the app in a server process and drive it with Chromium. A pytest plugin: see ``conftest.py``."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page

REPOSITORY = Path(__file__).parents[2]
FRONT_DOOR = REPOSITORY / "streamlit_app.py"
START_S = 60
LOAD_S = 180
"""For a page that loads the model first."""
# No GPU, no sandbox (containers have none), and nothing that goes out to the network by itself.
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serve(script: Path = FRONT_DOOR) -> Iterator[str]:
    """Run ``streamlit run script`` on a free loopback port; give its URL once it answers; end it by its id."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-m", "streamlit", "run", str(script)]
    command += [f"--server.port={port}", "--server.address=127.0.0.1", "--server.headless=true"]
    paths = [str(REPOSITORY), str(REPOSITORY / "inspect"), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            if not _answers(url, process):
                log.seek(0)
                pytest.fail(f"streamlit run did not answer within {START_S} s:\n{log.read().decode(errors='replace')}")
            yield url
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(url: str, process: subprocess.Popen[bytes]) -> bool:
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1):  # noqa: S310 - loopback, http
                return True
        except OSError:
            time.sleep(0.05)
    return False


def settled(page: Page, *, timeout_s: float = 30) -> None:
    """Wait until the script has run to its end and the page shows the result."""
    page.locator("[data-testid='stApp'][data-test-script-state='notRunning']").wait_for(timeout=timeout_s * 1000)
    page.wait_for_function("() => !document.querySelector('[data-stale=\"true\"]')", timeout=timeout_s * 1000)


def visit(page: Page, address: str, *, timeout_s: float = LOAD_S) -> Page:
    """Open a page of the app, and wait until it and its charts are there."""
    page.goto(address)
    page.locator("h1").first.wait_for(state="attached", timeout=timeout_s * 1000)  # hidden where somebody presents
    settled(page, timeout_s=timeout_s)
    # A chart's own script is fetched when the first chart is drawn.
    page.wait_for_function("() => !document.querySelector('[data-testid=stSkeleton]')", timeout=timeout_s * 1000)
    return page


AT_REST = """() => new Promise((done) => {
  const main = document.querySelector('[data-testid=stMain]'), begun = performance.now();
  const sizes = () => [...main.querySelectorAll('[data-testid=stVerticalBlock] > *'), main, document.documentElement]
    .map((one) => [one.scrollWidth, one.scrollHeight, one.getBoundingClientRect().top].join()).join(' ');
  const ends = (one) => one.playState === 'running' && one.effect.getComputedTiming().endTime !== Infinity;
  let before = sizes(), since = begun;
  const look = (now) => {
    const current = sizes();
    if (current !== before || document.getAnimations().some(ends)) [before, since] = [current, now];
    if (now - since > 120 || now - begun > 5000) done(); else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})"""


def at_rest(page: Page) -> None:
    """Wait until nothing has changed its place or size for some frames, and nothing fades in or out."""
    page.evaluate(AT_REST)


def resized(page: Page, width: int, height: int) -> None:
    """Give a page another size, and wait until it has taken it on."""
    page.set_viewport_size({"width": width, "height": height})
    at_rest(page)


def press(target: Locator, *, timeout_s: float = 30) -> None:
    """Click when the page has come to rest: while it is being drawn anew, in Streamlit as anywhere, a click is lost."""
    target.first.wait_for(timeout=timeout_s * 1000)
    settled(target.page, timeout_s=timeout_s)
    target.click()


def _chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found:
        return found
    reason = "no chromium on this machine; Debian's package is called chromium"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, one for the whole run."""
    executable = _chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGUMENTS)
        yield chromium
        chromium.close()


@contextmanager
def watched(context: BrowserContext) -> Iterator[Page]:
    """A page on which a script error fails the test."""
    errors: list[str] = []
    opened = context.new_page()
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    opened.close()
    assert not errors


@pytest.fixture(scope="session")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One context for all pages: they share its cache, and a process that an open page keeps alive between them."""
    opened = browser.new_context(viewport={"width": 1280, "height": 900})
    keeper = opened.new_page()
    keeper.route("**", lambda route: route.fulfill(body="", content_type="text/html"))
    keeper.goto("http://127.0.0.1:1/")  # the site of every server here, whatever its port
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page as of a first visit, 1280 pixels wide; a script error on it fails the test."""
    with watched(context) as opened:
        stored = {"origin": "*", "storageTypes": "cookies,local_storage,indexeddb,cache_storage,service_workers"}
        devtools = context.new_cdp_session(opened)
        devtools.send("Storage.clearDataForOrigin", stored)
        devtools.detach()
        yield opened


@pytest.fixture(scope="session")
def app_url(browser: Browser) -> Iterator[str]:
    """The URL of the app, served once for the whole run; the browser comes first, so that no server starts in vain."""
    with serve() as url:
        yield url
