"""One block by hand in Chromium: a weight tells its arithmetic under the pointer, under the keys and at a tap."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.support.browser import LOAD_S, settled, visit

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.model, pytest.mark.usefixtures("embedded_model_folder")]


def test_a_weight_tells_its_arithmetic(page: Page, app_url: str) -> None:
    visit(page, f"{app_url}/block?quantization=none&block_weight=3")
    block = page.locator(".block")
    expect(block).to_have_attribute("data-at", "3", timeout=LOAD_S * 1000)
    card, columns = block.locator(".card"), block.locator(".column")
    assert columns.count() == 64
    told = card.locator("p.line").inner_text()
    assert re.match(r"−?[\d.]+ × \(1 / [\d.]+\) = .* → nearest level .* = code \d+ → ", told)
    box = card.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 900, "the arithmetic is on the first screen"

    columns.nth(9).hover()
    expect(block).to_have_attribute("data-at", "9")
    assert card.locator("p.line").inner_text() == columns.nth(9).get_attribute("aria-label") != told
    code = int(columns.nth(9).locator(".code").text_content() or "")
    expect(block.locator(".level.lit .code")).to_have_text(str(code))
    # The tenth weight is the lower half of its byte.
    expect(block.locator(".byte.lit .hex")).to_have_text(re.compile(f"^.{code:X}$"))
    page.mouse.move(5, 5)
    expect(block).to_have_attribute("data-at", "3")

    block.locator(".strip").focus()
    page.keyboard.press("ArrowRight")
    expect(block).to_have_attribute("data-at", "4")
    page.wait_for_url(re.compile("block_weight=4"), timeout=LOAD_S * 1000)
    settled(page, timeout_s=LOAD_S)

    columns.nth(20).click()
    page.wait_for_url(re.compile("block_weight=20"), timeout=LOAD_S * 1000)
    settled(page, timeout_s=LOAD_S)
    expect(card.locator("b").first).to_have_text("weight 21 of 64")
