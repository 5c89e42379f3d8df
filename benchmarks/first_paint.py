"""100,000 tokens in Chromium: from the click that asks for them to the first frame that shows some of them."""

from __future__ import annotations

import importlib.util
import shutil
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.harness import Row, skipped
from benchmarks.server import REPOSITORY, serve, wait_until_up

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

__all__ = ["paint_rows"]

APP = REPOSITORY / "benchmarks" / "apps" / "paint.py"
N_TOKENS = 100_000
TARGET = 0.8
WHAT = f"first paint of {N_TOKENS:,} tokens"
# No sandbox (containers have none), no GPU, and nothing that goes out to the network by itself.
CHROMIUM_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
NODES = {"view": ".flow .t", "spans": "div > span"}
# Looks at every frame, from the click on. Two more frames: the first one paints, the next one begins after that.
MEASURE = """(nodes) => new Promise((resolve) => {
  const drawn = () => {
    for (const place of document.querySelectorAll("[data-testid='stBidiComponentRegular'], .stBidiComponent, div")) {
      if (place.shadowRoot?.querySelector(nodes)) return true;
    }
    return false;
  };
  const button = [...document.querySelectorAll("button")].find((each) => each.textContent.trim() === "Show");
  const began = performance.now();
  const look = () => {
    if (drawn()) requestAnimationFrame(() => resolve(performance.now() - began));
    else requestAnimationFrame(look);
  };
  button.click();
  requestAnimationFrame(look);
})"""


def paint_rows(rounds: int = 3) -> list[Row]:
    """The view against plain spans, in pairs that take turns; the view draws what is off the screen later, or never."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        return [skipped(WHAT, "no chromium on this machine")]
    if importlib.util.find_spec("playwright") is None:
        return [skipped(WHAT, "Playwright is not installed: it is in requirements-dev.txt")]
    from playwright.sync_api import sync_playwright

    pairs: list[dict[str, float]] = []
    with serve(APP) as server, sync_playwright() as playwright:
        wait_until_up(server)
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        # One context for all pages: they share its cache, and Streamlit's scripts are large.
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        url = f"http://127.0.0.1:{server.port}/?as="
        _paint(context, url + "view", NODES["view"])  # encodes the text; does not count
        for number in range(rounds):
            order = ("view", "spans") if number % 2 == 0 else ("spans", "view")
            pairs.append({name: _paint(context, url + name, NODES[name]) for name in order})
        browser.close()
    ours, floor = median(pair["view"] for pair in pairs), median(pair["spans"] for pair in pairs)
    ratio = median(pair["view"] / pair["spans"] for pair in pairs)
    note = "from a click to the frame after the first tokens: the server's run, the way, the drawing"
    return [Row(WHAT, ours, floor, "component of plain spans", unit="ms", ratio=ratio, target=TARGET, note=note)]


def _paint(context: BrowserContext, url: str, nodes: str) -> float:
    """Milliseconds from the click to the first tokens on the screen."""
    page = context.new_page()
    page.goto(url)
    page.get_by_role("button", name="Show").wait_for(timeout=60_000)
    page.locator("[data-test-script-state='notRunning']").wait_for()
    taken: float = page.evaluate(MEASURE, nodes)
    page.close()
    return taken
