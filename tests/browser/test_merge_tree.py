"""The merge trees as a person uses them: played in the browser alone, moved by keys, kept in the link."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.browser import press, settled

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
FORK = "Llama 3.1 learned con + ut as merge 72,303; Phi-3 never did."


def opened(page: Page, url: str) -> None:
    page.goto(url)
    page.get_by_role("img", name=FORK).wait_for(timeout=60_000)
    settled(page)


def grown(page: Page) -> int:
    return page.locator(".node:not(.future)").count()


def test_playing_asks_no_server_and_the_table_follows(page: Page, app_url: str) -> None:
    sent: list[int] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda _: sent.append(1)))
    opened(page, f"{app_url}/how_it_splits?merge_step=0")
    assert grown(page) == 0
    assert page.get_by_role("heading", name=FORK).is_visible()
    sent.clear()
    press(page.get_by_role("button", name="Play"))
    page.get_by_text("merge 3 of 7", exact=True).wait_for()
    assert not sent
    assert page.locator("tr[aria-current] td").first.inner_text() == "3"
    page.locator(".said.loud", has_text="Here they part.").wait_for()
    assert not sent
    page.get_by_text("merge 7 of 7", exact=True).wait_for()
    assert grown(page) == 7 + 5
    page.wait_for_url(lambda url: "merge_step" not in url)  # all merges are what a page begins with


def test_keys_move_the_step_and_the_link_keeps_it(page: Page, app_url: str) -> None:
    opened(page, f"{app_url}/how_it_splits")
    steps = page.evaluate("history.length")
    slider = page.get_by_role("slider", name="Merges done")
    slider.focus()
    page.keyboard.press("Home")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.wait_for_url("**merge_step=4*")
    assert grown(page) == 8
    for step in (3, 2):
        page.keyboard.press("ArrowLeft")
        page.wait_for_url(f"**merge_step={step}*")
    assert page.evaluate("history.length") == steps + 1, "one step back, however often the slider rests"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**merge_step=4*")
    page.reload()
    page.get_by_text("merge 4 of 7", exact=True).wait_for(timeout=60_000)
    assert grown(page) == 8
    assert page.locator(".node.now").count() == 2
    page.get_by_role("combobox", name="Speed").select_option("2")
    page.wait_for_url("**merge_speed=2*")


def test_a_word_is_chosen_by_key_and_stands_in_the_link(page: Page, app_url: str) -> None:
    opened(page, f"{app_url}/how_it_splits?merge_step=2")
    chosen = page.locator("button.word[aria-pressed=true]")
    chosen.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.get_by_role("img", name="Llama 3.1 learned ␣dr + ift as merge 90,534; Phi-3 never did.").wait_for()
    page.wait_for_url("**place=11*")
    assert "merge_step" not in page.url
