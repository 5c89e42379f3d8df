"""The front door in Chromium: a first figure at once, the model's figures by themselves, one figure drawn at a time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.support.browser import press, settled

if TYPE_CHECKING:
    from playwright.sync_api import Page

expect.set_options(timeout=60_000)  # while torch is being imported, everything else takes longer

pytestmark = [pytest.mark.browser, pytest.mark.model, pytest.mark.usefixtures("embedded_model_folder")]

SIDEWAYS = "() => { const m = document.querySelector('[data-testid=stMain]'); return m.scrollWidth - m.clientWidth; }"


def test_the_first_figure_is_there_at_once_and_the_model_s_come_by_themselves(page: Page, app_url: str) -> None:
    for width, height in ((1920, 1080), (390, 844), (1280, 900)):
        page.set_viewport_size({"width": width, "height": height})
        page.goto(app_url)
        word = page.locator(".st-key-figure_word")
        expect(word.get_by_role("button", name="2", exact=True)).to_be_in_viewport()
        expect(page.get_by_role("link", name="Learn", exact=True)).to_be_in_viewport(ratio=0.5)
        settled(page)
        assert page.evaluate(SIDEWAYS) <= 0
    families = page.locator(".st-key-figure_families")
    press(families.get_by_role("button", name="In two ways"))
    expect(families).to_contain_text("as you guessed")
    page.wait_for_url(re.compile(r"/\?start=1&z="))
    drawn = families.get_by_role("heading", level=3).element_handle()
    assert drawn is not None
    drawn.evaluate("(one) => { one.seen = true }")

    press(word.get_by_role("button", name="3", exact=True))
    expect(word).to_contain_text("2. Your guess was 3.")
    box = word.get_by_label("Word")
    box.fill("cooking")
    box.press("Enter")
    expect(word.locator(".flow .t")).to_have_text(["co", "oking"])
    assert drawn.evaluate("(one) => one.isConnected && one.seen"), "another figure stays as it is"

    temperature = page.locator(".st-key-figure_temperature")
    expect(page.get_by_text("which is loading in the background")).to_have_count(0)
    expect(temperature.locator("svg").first).to_be_attached()
    writing = page.locator(".st-key-figure_writing")
    press(writing.get_by_role("button", name="A special token"))
    expect(writing.locator(".flow .t").last).to_have_text("<|im_end|>")
    link = page.url
    page.goto(link)
    expect(word.locator(".flow .t")).to_have_text(["co", "oking"])
    expect(writing).to_contain_text("as you guessed")
