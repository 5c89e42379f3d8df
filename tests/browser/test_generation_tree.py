"""The tree on Generate in the browser: an alternative is clicked, forked twice, stopped, and restored from the link."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.support.browser import LOAD_S, press, settled, visit, watched

pytestmark = [pytest.mark.browser, pytest.mark.model]
ADDRESS = "generate?prompt=text&text=Once+upon+a+time&max_new_tokens={n}&temperature=0"


def rows_of(page: Page) -> list[str]:
    return [" ".join(text.split()) for text in page.locator(".branch .words").all_inner_texts()]


def test_a_fork_of_a_fork_is_stopped_and_the_link_brings_all_back(
    page: Page, app_url: str, context: BrowserContext
) -> None:
    visit(page, f"{app_url}/{ADDRESS.format(n=6)}")
    boxes, choices = page.locator(".boxes .t"), page.locator(".choice")
    expect(boxes).to_have_count(6)
    # The alternatives of a token are there at the click; the keyboard walks along and forks.
    press(boxes.nth(1))
    expect(page.locator(".asked")).to_contain_text("Token 2:")
    expect(choices).to_have_count(10)
    wanted = choices.nth(3).locator(".token").inner_text()
    press(choices.nth(3))
    expect(page.locator(".branch")).to_have_count(2, timeout=LOAD_S * 1000)
    settled(page, timeout_s=LOAD_S)
    expect(boxes.nth(1)).to_have_class(re.compile("forced"))
    expect(boxes.nth(1).locator(".text")).to_have_text(wanted)
    expect(boxes).to_have_count(8)
    boxes.nth(1).focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(page.locator(".asked")).to_contain_text("Token 5:")
    page.wait_for_url(re.compile("tree_step=4"))
    settled(page, timeout_s=LOAD_S)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(".branch")).to_have_count(3, timeout=LOAD_S * 1000)
    settled(page, timeout_s=LOAD_S)
    expect(boxes.nth(4)).to_have_class(re.compile("forced"))
    # A long one, stopped: what is there stays.
    press(page.get_by_role("button", name="Settings"))
    most = page.get_by_role("spinbutton", name="Maximum new tokens")
    most.fill("400")
    most.press("Enter")
    page.keyboard.press("Escape")
    page.wait_for_url(re.compile("max_new_tokens=400"))
    settled(page, timeout_s=LOAD_S)
    press(page.get_by_role("button", name="Go on", exact=True))
    expect(page.locator(".stream .flow .t").nth(1)).to_be_visible(timeout=LOAD_S * 1000)
    page.locator(".st-key-stop_reply").get_by_role("button").click(timeout=LOAD_S * 1000)
    settled(page, timeout_s=LOAD_S)
    expect(page.locator(".branch .facts").nth(2)).to_contain_text("stopped")
    settled(page, timeout_s=LOAD_S)  # the link comes with the end of the page
    n = boxes.count()
    assert 10 < n < 400
    rows = rows_of(page)
    assert len(rows) == 3
    with watched(context) as other:
        visit(other, page.url)
        expect(other.locator(".branch")).to_have_count(3, timeout=LOAD_S * 1000)
        settled(other, timeout_s=LOAD_S)
        assert rows_of(other) == rows
        expect(other.locator(".boxes .t")).to_have_count(n)
        # The graph leads to a branch and a token; a row to its branch.
        press(other.locator(".branch").first)
        expect(other.locator(".boxes .t")).to_have_count(6)
