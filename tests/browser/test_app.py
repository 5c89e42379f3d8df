"""The running app in Chromium: every page on every screen, the link, Stop, and text that tries to be markup."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import expect

import lmloupe as lm
from tests.support.browser import LOAD_S, press, settled, visit
from ui.state.link import encode as encode_link
from ui.state.settings import SETTINGS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.model, pytest.mark.usefixtures("embedded_model_folder")]

expect.set_options(timeout=60_000)


def test_the_text_follows_from_page_to_page_and_into_a_fresh_session(
    browser: Browser, page: Page, app_url: str
) -> None:
    visit(page, f"{app_url}/tokens")
    box = page.get_by_label("Text", exact=True)
    box.fill("Two coconuts fell")
    box.press("Control+Enter")
    page.wait_for_url(re.compile("text=Two"))
    press(page.get_by_role("link", name="Embeddings"), timeout_s=LOAD_S)
    page.get_by_role("heading", name="Embeddings").wait_for(timeout=LOAD_S * 1000)
    settled(page, timeout_s=LOAD_S)
    expect(page.get_by_label("Text", exact=True)).to_have_value("Two coconuts fell")
    page.get_by_text("Nearest tokens", exact=True).click()
    page.wait_for_url(re.compile("embedding_view=neighbours"))
    press(page.get_by_role("button", name="Settings"), timeout_s=LOAD_S)
    page.get_by_text("dot", exact=True).click()
    page.wait_for_url(re.compile("metric=dot"))
    settled(page, timeout_s=LOAD_S)
    link = page.url
    fresh = browser.new_context().new_page()
    visit(fresh, link)
    expect(fresh.get_by_role("heading", level=1)).to_have_text("Embeddings")
    expect(fresh.get_by_label("Text", exact=True)).to_have_value("Two coconuts fell")
    expect(fresh.locator(".stPlotlyChart").last).to_contain_text("dot product")
    fresh.context.close()


def test_markup_in_the_text_stays_text(page: Page, app_url: str) -> None:
    ran: list[str] = []
    page.on("dialog", lambda dialog: (ran.append(dialog.message), dialog.dismiss()))
    nasty = '<img src=x onerror=alert(1)><iframe srcdoc="<script>parent.alert(2)</script>"></iframe>'
    for path in ("tokens", "next_token", "embeddings"):
        visit(page, f"{app_url}/{path}")
        box = page.get_by_label("Text", exact=True)
        box.fill(nasty)
        box.press("Control+Enter")
        page.wait_for_url(re.compile("text=|z="))
        settled(page, timeout_s=LOAD_S)
        page.wait_for_timeout(300)
        assert page.locator("iframe[srcdoc], img[src='x']").count() == 0
    assert not ran


def test_the_token_view_shows_the_tokenizers_own_tokens(page: Page, app_url: str) -> None:
    visit(page, f"{app_url}/?text=A+coconut+palm&tokenizers=starcoder2,llama-3.1")
    for row, key in enumerate(["starcoder2", "llama-3.1"]):
        expected = [token.text for token in lm.encode(lm.load_tokenizer(key), "A coconut palm").tokens]
        expect(page.locator(".flow").nth(row).locator(".t")).to_have_text(expected)


def test_a_click_on_a_token_shows_its_embedding(page: Page, app_url: str) -> None:
    visit(page, f"{app_url}/embeddings?text=The+cat+sat")
    press(page.get_by_role("option", name="sat"), timeout_s=LOAD_S)
    page.wait_for_url(re.compile("token_index=2"))
    token_id = int(lm.encode(lm.load_tokenizer("smollm2"), "The cat sat").input_ids[2])
    expect(page.locator(f".vector[data-id='{token_id}'] .head")).to_contain_text("sat")


def test_a_reply_streams_as_boxes_that_stay_and_stop_keeps_what_is_there(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/generate?prompt=text&text={quote('🥥🤚' * 4)}&max_new_tokens=512&temperature=0")
    groups = page.locator(".stream .group")
    expect(groups.first.locator("> .text")).to_have_text("🥥", timeout=LOAD_S * 1000)
    expect(groups.first.locator(".hex")).to_have_text(["f0 9f", "a5", "a5"])
    first = groups.first.element_handle()
    first.evaluate("node => { node.seen = true }")
    groups.nth(6).wait_for(timeout=LOAD_S * 1000)
    assert first.evaluate("node => node.isConnected && node.seen"), "what is there is not drawn anew"
    expect(page.locator(".stream .phase").first).to_contain_text("24 tokens read at once, first token after")
    stop = page.get_by_test_id("stMainBlockContainer").get_by_role("button", name="Stop", exact=True)
    stop.click()
    settled(page, timeout_s=LOAD_S)
    box = page.locator("[data-testid='stMetric']", has_text="Generated").first
    count = int(box.inner_text().split()[1].replace(",", ""))
    assert 18 <= count < 512
    page.wait_for_timeout(1000)
    assert int(box.inner_text().split()[1].replace(",", "")) == count
    assert stop.count() == 0


def test_pointing_at_a_token_shows_its_id_and_bytes(page: Page, app_url: str) -> None:
    visit(page, f"{app_url}/?text=A+coconut+palm&tokenizers=starcoder2,llama-3.1")
    token = lm.encode(lm.load_tokenizer("llama-3.1"), "A coconut palm").token(1)
    page.locator(".flow").nth(1).locator(".t").nth(1).hover()
    tooltip = page.locator(".tooltip")
    expect(tooltip).to_contain_text(str(token.id))
    expect(tooltip).to_contain_text(token.bytes.hex(" "))


def test_a_click_on_half_an_emoji_shows_the_other_half(page: Page, app_url: str) -> None:
    visit(page, f"{app_url}/?text=Hi+%F0%9F%A4%9A&tokenizers=llama-3.1")
    press(page.locator(".flow .t", has_text="a4"), timeout_s=LOAD_S)
    card = page.get_by_test_id("stMainBlockContainer")
    expect(card).to_contain_text("Token 3 of 4 in Llama 3.1")
    expect(card).to_contain_text("A part of a character")
    for part in ("20 f0 9f", "9a"):
        expect(card).to_contain_text(part)
    expect(page.locator(".view")).not_to_contain_text("\ufffd")


def test_a_hundred_thousand_tokens_are_shown_and_scroll(page: Page, app_url: str) -> None:
    text = "palm coconut tree and sea\n" * 17_000
    n = len(lm.encode(lm.load_tokenizer("llama-3.1"), text))
    assert n > 100_000
    # The text repeats itself, so that it is short enough for a link.
    defaults = {name: setting.default for name, setting in SETTINGS.items()}
    link = encode_link(defaults | {"text": text, "tokenizers": ("llama-3.1",)})
    visit(page, f"{app_url}/?{urlencode(link.params)}")
    expect(page.locator(".facts").first).to_contain_text(f"{n:,} tokens", timeout=120_000)
    expect(page.locator(".facts").first).not_to_contain_text("first")
    page.locator(".flow .t").first.focus()
    page.keyboard.press("End")
    expect(page.locator(".tooltip")).to_contain_text(f"{n:,} of {n:,}")
    expect(page.locator(".flow .t").last).to_be_in_viewport()
