"""Planner in Chromium: bars, sentence and link follow the sliders; rows and cells are pressed; a config is pasted."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

import lmloupe as lm
from tests.support.browser import settled, visit
from tests.support.configs import CONFIG
from ui.planner.words import size

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

SIDEWAYS = "() => { const m = document.querySelector('[data-testid=stMain]'); return m.scrollWidth - m.clientWidth; }"
WIDTH = "(row) => row.querySelector('.part.cache').getBoundingClientRect().width"


def finding(page: Page) -> str:
    return page.get_by_role("heading", level=2).first.inner_text()


def test_the_bars_and_the_sentence_follow_the_sliders(page: Page, app_url: str) -> None:
    visit(page, f"{app_url}/planner")
    row = page.get_by_role("button", name=re.compile("^nf4: "))
    context = page.get_by_role("slider", name=re.compile("Context"))
    before = row.evaluate(WIDTH)
    plan = lm.memory_plan("llama-3.1-8b", "nf4", 8192)
    expect(row.locator("> title")).to_contain_text(f"KV cache {size(plan.cache_bytes)}")
    assert "one person, or 7 people with 8,192 each" in finding(page)
    # A key is the next power of two. The bar does not wait for the server; link and sentence come when it rests.
    context.focus()
    page.keyboard.press("ArrowRight")
    assert row.evaluate(WIDTH) == pytest.approx(2 * before, rel=0.05)
    page.wait_for_url(re.compile("plan_context=16384"))
    settled(page)
    longer = lm.memory_plan("llama-3.1-8b", "nf4", 16_384)
    assert f"or {longer.most_sequences('t4')} people with 16,384 each" in finding(page)
    # The exact number beside the slider, too many people for the card.
    people = page.get_by_role("spinbutton", name="People at once")
    people.fill("5")
    people.press("Enter")
    page.wait_for_url(re.compile("plan_people=5"))
    settled(page)
    assert "does not fit a T4 with 16,384 tokens for 5 people" in finding(page)
    expect(row.locator("> title")).to_contain_text("does not fit")
    # A bar and a cell of the table are choices.
    page.get_by_role("button", name=re.compile("^int8: ")).click()
    page.wait_for_url(re.compile("plan_precision=int8"))
    settled(page)
    page.get_by_role("button", name=re.compile("^H100: ")).nth(1).click()
    page.wait_for_url(re.compile("plan_card=h100"))
    settled(page)
    assert finding(page).startswith("Llama 3.1 8B in bfloat16 fits an H100 for 5 people")
    page.go_back()
    settled(page)
    assert " in int8 " in finding(page)


def test_a_config_is_pasted_on_a_phone(page: Page, app_url: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    visit(page, f"{app_url}/planner?plan_model=pasted&plan_axis=bars")
    box = page.get_by_role("textbox", name="config.json")
    box.fill(json.dumps(CONFIG | {"hidden_size": None}))
    box.press("Control+Enter")
    expect(page.get_by_test_id("stAlert")).to_contain_text("hidden_size", timeout=60_000)  # torch is loaded first
    box.fill(json.dumps(CONFIG))
    box.press("Control+Enter")
    expect(page.get_by_role("heading", level=2).first).to_contain_text(
        "LlamaForCausalLM in nf4 fits a T4", timeout=60_000
    )
    settled(page)
    expect(page.get_by_role("slider", name=re.compile("Context"))).to_have_attribute("aria-valuetext", "2,048")
    assert page.evaluate(SIDEWAYS) <= 0
    rows = page.locator(".plan .row")
    assert rows.count() == 6
    tops = [one.bounding_box() for one in rows.all()]
    assert all(a and b and a["y"] + a["height"] <= b["y"] + 3 for a, b in pairwise(tops)), "a list"
    cells = page.locator(".cards .cell")
    assert cells.count() == 6 * len(lm.known_cards())
    assert all(one.evaluate("(cell) => cell.scrollWidth <= cell.clientWidth + 1") for one in cells.all())
