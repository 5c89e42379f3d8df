"""The Tokens page in Chromium: the card beside the rows, the sheet on a phone, the keyboard, the ruler."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

import lmloupe as lm
from tests.support.browser import press, settled

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

TEXT = "A coconut drifted"
CARD, ROWS = ".st-key-token_card", ".st-key-token_main"
LOAD_S = 120


def visit(page: Page, address: str) -> Page:
    page.goto(address)
    page.locator(".view[data-version]").first.wait_for(timeout=LOAD_S * 1000)
    settled(page, timeout_s=LOAD_S)
    return page


def box(page: Page, selector: str) -> dict[str, float]:
    found = page.locator(selector).first.bounding_box()
    assert found is not None
    return dict(found)


def opened(page: Page) -> None:
    page.locator(CARD).wait_for(timeout=LOAD_S * 1000)
    settled(page, timeout_s=LOAD_S)


def test_the_card_is_beside_the_rows_and_gives_the_width_back(page: Page, app_url: str) -> None:
    visit(page, f"{app_url}/?text={TEXT}&tokenizers=llama-3.1,phi-3")
    whole = box(page, "[data-testid='stMainBlockContainer'] > .stVerticalBlock")["width"]
    place = next(i for i, t in enumerate(lm.encode(lm.load_tokenizer("phi-3"), TEXT).tokens) if t.text == "con")
    chosen = page.locator(".flow").nth(1).locator(".t").nth(place)
    press(chosen)
    opened(page)
    expect(page.locator(f"{CARD} h2").first).to_have_text(f"Token {place + 1} of 7 in Phi-3")
    expect(page.locator(CARD)).to_contain_text("Llama 3.1 learned con + ut as merge 72,303; Phi-3 never did.")
    card, rows = box(page, CARD), box(page, ROWS)
    assert card["x"] >= rows["x"] + rows["width"]
    assert card["y"] < 200, "on the first screen"
    assert page.locator(".pinned").count() == 1
    page.get_by_role("button", name="Close").click()
    expect(page.locator(CARD)).to_have_count(0)
    settled(page)
    assert box(page, ROWS)["width"] == whole
    assert page.locator(".pinned").count() == 0
    # The same token once more, though the view's own state has not changed since.
    press(chosen)
    opened(page)
    # And by its own click.
    press(chosen)
    expect(page.locator(CARD)).to_have_count(0)


def test_a_link_pins_the_token_of_the_model_s_own_tokenizer_above_the_fold(page: Page, app_url: str) -> None:
    visit(page, f"{app_url}/?text={TEXT}&tokenizers=phi-3&place=1&card_of=smollm2&card_id=17434")
    opened(page)
    expect(page.locator(f"{CARD} h2").first).to_have_text("Token 2 of 3 in SmolLM2")
    assert page.locator(".heading .name").all_inner_texts() == ["SmolLM2", "Phi-3"]
    expect(page.locator(".flow").first.locator(".pinned")).to_have_text(" coconut")
    assert box(page, CARD)["y"] < 200


def test_arrows_walk_enter_opens_and_escape_closes(page: Page, app_url: str) -> None:
    visit(page, f"{app_url}/?text={TEXT}&tokenizers=llama-3.1")
    page.locator(".flow .t").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    opened(page)
    expect(page.locator(f"{CARD} h2").first).to_contain_text("Token 2 of ")
    page.keyboard.press("Escape")
    expect(page.locator(CARD)).to_have_count(0)


def test_on_a_phone_the_card_is_a_sheet_and_letters_do_not_overlap(page: Page, app_url: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    visit(page, f"{app_url}/?text={TEXT}+கோகோ+椰子+👩‍🌾&tokenizers=llama-3.1,phi-3")
    letters = page.locator(".ruler .letter").evaluate_all(
        "nodes => nodes.map(node => node.getBoundingClientRect()).map(({ left, right }) => [left, right])"
    )
    assert len(letters) == len(f"{TEXT} கோகோ 椰子 👩‍🌾")
    assert all(right <= left + 1 for (_, right), (left, _) in pairwise(letters))
    size = page.locator(".ruler .letter").first.evaluate("node => parseFloat(getComputedStyle(node).fontSize)")
    assert size >= 28
    wide = page.locator(".ruler .strip").evaluate("node => [node.scrollWidth, node.clientWidth]")
    assert wide[0] > wide[1], "it scrolls inside, the page does not"
    assert page.locator("[data-testid='stMain']").evaluate("node => node.scrollWidth - node.clientWidth") <= 0
    press(page.locator(".flow").nth(1).locator(".t").nth(1))
    opened(page)
    card = page.locator(CARD).locator("xpath=..").bounding_box()
    assert card is not None
    assert card["y"] + card["height"] == pytest.approx(844, abs=2)
    assert card["x"] <= 1
    assert card["width"] >= 388
    pinned = page.locator(".pinned").bounding_box()
    assert pinned is not None
    assert pinned["y"] + pinned["height"] <= card["y"], "the token can still be seen"
    page.get_by_role("button", name="Close").click()
    expect(page.locator(CARD)).to_have_count(0)


def test_the_ruler_tells_each_row_s_token_by_keyboard_and_greys_what_is_agreed(page: Page, app_url: str) -> None:
    visit(page, f"{app_url}/?text={TEXT}&tokenizers=llama-3.1,phi-3")
    ruler = page.locator(".ruler")
    assert ruler.locator("rect.same").count() == 2, "“A” alone is a token of both"
    ruler.locator(".strip").focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(ruler.locator(".said")).to_have_text("Character 5: Llama 3.1 ␣coconut · Phi-3 con")
