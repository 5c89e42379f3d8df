"""Precision in Chromium: results arrive one by one, Stop and Go on, a press on the line shows both distributions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import LOAD_S, press, settled, visit

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.model]

QUERY = "text=The+capital+of+Japan+is&precisions=bfloat16,q8_0&compared_tokens=2"


def test_one_visit(page: Page, app_url: str, embedded_model_folder: Path) -> None:
    visit(page, f"{app_url}/precision?{QUERY}")
    assert page.locator(".precision-bars svg").first.is_visible()
    main = page.get_by_test_id("stMain")  # the header has a Stop of Streamlit's own while a script runs
    stop, go_on = main.get_by_role("button", name="Stop"), main.get_by_role("button", name="Go on")
    stop.wait_for(timeout=LOAD_S * 1000)
    stop.click()
    go_on.wait_for(timeout=LOAD_S * 1000)
    press(go_on)
    go_on.wait_for(state="detached", timeout=LOAD_S * 1000)
    stop.wait_for(state="detached", timeout=LOAD_S * 1000)
    settled(page)
    line = page.locator(".divergence .scroller")
    assert page.locator(".divergence .entry").count() == 2
    line.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert "After token 2, “␣capital”: bfloat16" in page.locator(".divergence .note").inner_text()
    page.keyboard.press("Enter")
    place = page.get_by_role("heading", name=re.compile("^After token 2, “␣capital”"))
    place.wait_for()
    # A press on the chart, and one on a precision in its legend: both distributions are those of that place.
    label = line.locator("text.token").nth(3)
    box = label.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] - 60)
    page.get_by_role("heading", name=re.compile("^After token 4, “␣Japan”")).wait_for()
    page.locator(".divergence .entry").filter(has_text="bfloat16").click()
    page.wait_for_url(re.compile("precision_shown=bfloat16"))
    settled(page)
    pair = page.locator(".precision-bars").nth(1)
    assert [name.text_content() for name in pair.locator("text.name").all()] == ["float32", "bfloat16"]
    assert pair.locator("title").first.text_content() is not None
