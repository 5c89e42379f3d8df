"""The Back button: one step for each thing that a person does, no step for every pause of a slider."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.support.browser import LOAD_S, press, settled

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.model]


def steps(page: Page) -> int:
    return int(page.evaluate("history.length"))


def held(page: Page, name: str) -> str | None:
    return parse_qs(urlsplit(page.url).query).get(name, [None])[0]


def move(page: Page, key: str, pauses: int) -> None:
    """Move a slider with the keyboard; each pause is answered before the next one begins."""
    thumb = page.locator(f".st-key-{key}").get_by_role("slider")
    for _ in range(pauses):
        before = page.url
        thumb.press("ArrowLeft")
        page.wait_for_function("url => location.href !== url", arg=before)
        settled(page, timeout_s=LOAD_S)


def test_a_slider_is_one_step_however_often_it_pauses(page: Page, app_url: str, embedded_model_folder: Path) -> None:
    page.goto(f"{app_url}/next_token?text=One+two&top_p=0.9")
    page.locator(".st-key-top_p").get_by_role("slider").wait_for(timeout=LOAD_S * 1000)
    settled(page, timeout_s=LOAD_S)
    begin = steps(page)
    move(page, "temperature", 3)
    assert held(page, "temperature") == "0.85"
    assert steps(page) == begin + 1
    move(page, "top_p", 2)
    assert steps(page) == begin + 2
    press(page.get_by_role("button", name="Greedy"))
    page.wait_for_url(re.compile("temperature=0&|temperature=0$"))
    settled(page)
    assert steps(page) == begin + 3, "a button that sets five settings is one step"
    page.go_back()
    page.wait_for_url(re.compile("temperature=0.85"))
    settled(page)
    assert held(page, "top_p") == "0.88"
    expect(page.locator(".st-key-top_p").get_by_test_id("stSliderThumbValue")).to_have_text("0.88")
    page.go_back()
    page.wait_for_url(re.compile("top_p=0.9$"))
    settled(page)
    assert held(page, "temperature") == "0.85"
    page.go_back()
    page.wait_for_url(lambda url: "temperature" not in url)
    settled(page)
    expect(page.locator(".st-key-temperature").get_by_test_id("stSliderThumbValue")).to_have_text("1.00")
