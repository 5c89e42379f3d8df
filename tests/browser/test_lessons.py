"""Lessons in a browser: a text is cut by clicks and by keys, and who presents walks with the arrow keys."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.support.browser import REPOSITORY, serve, settled, visit, watched
from ui.learn.lessons.shelf import VARIABLE

pytestmark = pytest.mark.browser
SAMPLE = "90_every_kind"


@pytest.fixture(scope="module")
def app() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(REPOSITORY / "tests" / "data" / "lessons"))
        with serve() as url:
            yield url


@pytest.fixture(scope="module")
def page(context: BrowserContext) -> Iterator[Page]:
    with watched(context) as opened:
        yield opened


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=2).first).to_contain_text(text, timeout=30_000)
    settled(page)


def test_a_text_is_cut_by_a_click_and_by_keys(page: Page, app: str) -> None:
    visit(page, f"{app}/lessons?lesson_file={SAMPLE}")
    row = page.get_by_role("group", name="Where is coconut cut?")
    gap = row.get_by_role("button", name="after 2 letters")
    gap.click()
    expect(gap).to_have_attribute("aria-pressed", "true")
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "Space", "ArrowRight", "Space", "Space"):
        page.keyboard.press(key)
    expect(row.get_by_role("button", name="after 6 letters")).to_be_focused()
    assert row.locator("[aria-pressed=true]").count() == 2
    page.get_by_role("button", name="3 pieces: that is my guess").click()
    heading(page, "Right: it is cut co|con|ut")
    expect(page.locator(".st-key-embedded_bar")).to_be_visible()


def test_who_presents_walks_from_question_to_reveal_to_the_next_step(page: Page, app: str) -> None:
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.goto(f"{app}/lessons?lesson_file={SAMPLE}&present=1")
    heading(page, "Cut it")
    ask = page.get_by_text("Where does Phi-3 cut this word?")
    assert ask.evaluate("node => parseFloat(getComputedStyle(node).fontSize)") >= 64  # the last row reads it
    box = page.locator(".st-key-lesson_question").bounding_box()
    assert box is not None
    assert box["height"] > 800
    page.locator(".st-key-page_tools").get_by_role("button", name="Move").wait_for()  # the keys are heard
    page.keyboard.press("ArrowRight")
    heading(page, "It is cut co|con|ut")
    expect(page.locator(".st-key-embedded_bar")).to_be_hidden()
    rows = page.get_by_text("Phi-3", exact=True).first
    rows.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 1920
    page.keyboard.press("ArrowRight")
    heading(page, "Count it")
    page.keyboard.press("ArrowLeft")
    heading(page, "It is cut co|con|ut")
    page.keyboard.press("ArrowLeft")
    heading(page, "Cut it")
