"""The pages of Vectors in Chromium: what is on the first screen, the map under mouse and keys, another theme."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

import lmloupe as lm
from tests.support.browser import LOAD_S, press, settled

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.model]


@pytest.fixture(autouse=True)
def patience(embedded_model_folder: Path) -> None:
    expect.set_options(timeout=60_000)


def opened(page: Page, url: str, what: str) -> None:
    page.goto(url)
    page.locator(what).first.wait_for(timeout=LOAD_S * 1000)
    settled(page, timeout_s=LOAD_S)


@pytest.mark.parametrize("size", [(1280, 900), (1920, 1080), (390, 844)])
def test_the_vector_with_its_numbers_is_on_the_first_screen(page: Page, app_url: str, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    opened(page, f"{app_url}/embeddings?quantization=none", ".strip li")
    assert page.locator(".strip li").count() == 12
    tokens, last = page.locator(".tokens").bounding_box(), page.locator(".strip li").last.bounding_box()
    assert tokens is not None
    assert last is not None
    assert tokens["y"] < (320 if size[0] < 700 else 200)
    assert last["y"] + last["height"] < size[1]
    for value in page.locator(".strip .value").all():
        assert value.evaluate("node => node.scrollWidth <= node.parentElement.clientWidth + 1")
    # The next twelve, and the token beside it by an arrow key.
    first = page.locator(".strip .value").first.inner_text()
    page.get_by_role("button", name="The next twelve numbers").click()
    expect(page.locator(".strip .dimension").first).to_have_text("13")
    assert page.locator(".strip .value").first.inner_text() != first
    page.get_by_role("option", selected=True).focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_url(re.compile("token_index=2"), timeout=LOAD_S * 1000)
    expect(page.get_by_role("option").nth(2)).to_have_attribute("aria-selected", "true")


def words(page: Page) -> int:
    page.locator(".map[data-words]").wait_for()
    return int(page.locator(".map").get_attribute("data-words") or 0)


def test_the_map_writes_words_and_more_of_them_as_one_comes_nearer(page: Page, app_url: str) -> None:
    opened(page, f"{app_url}/map?quantization=none&map_search=coconut", ".map[data-words]")
    canvas = page.locator(".map canvas")
    box = canvas.bounding_box()
    assert box is not None
    assert box["y"] < 200
    assert words(page) > 40, "not dots alone"
    expect(canvas).to_have_attribute("aria-label", re.compile("coconut, id 17434"))
    # By key to another word, which is chosen: its neighbours are beside the picture, its id is in the link.
    canvas.focus()
    page.keyboard.press("ArrowRight")
    expect(canvas).not_to_have_attribute("aria-label", re.compile("coconut, id 17434"))
    said = re.search(r"id (\d+)", canvas.get_attribute("aria-label") or "")
    assert said
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(f"map_token={said[1]}(&|$)"), timeout=LOAD_S * 1000)
    tok = lm.load_tokenizer("smollm2")
    shown = tok.piece(int(said[1])).replace("\u0120", "\u2423")
    expect(page.get_by_role("heading", level=2).nth(1)).to_contain_text(f"{shown} (id {int(said[1]):,}) is nearest to")
    settled(page, timeout_s=LOAD_S)
    # The wheel comes nearer to what is under the pointer: others are written, and the page does not scroll.
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for _ in range(12):
        page.mouse.wheel(0, -200)
        page.wait_for_timeout(40)
    expect(page.locator(".map")).to_have_attribute("data-zoom", re.compile(r"^\d\d"))
    assert words(page) > 20
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop") == 0
    page.get_by_role("button", name="Show the whole map").click()
    expect(page.locator(".map")).to_have_attribute("data-zoom", re.compile(r"^[1-3]\."))


def test_a_box_of_architecture_shows_its_weights_beside_it(page: Page, app_url: str) -> None:
    opened(page, f"{app_url}/architecture?quantization=none", ".half .box")
    press(page.get_by_role("button", name="v_proj"), timeout_s=LOAD_S)
    page.wait_for_url(re.compile(r"module=model\.layers\.0\.self_attn\.v_proj"), timeout=LOAD_S * 1000)
    expect(page.locator(".note")).to_contain_text("Values: what a token hands on")
    expect(page.get_by_role("heading", level=2).nth(1)).to_contain_text("v_proj: standard deviation")
    press(page.get_by_role("button", name="The next block"), timeout_s=LOAD_S)
    page.wait_for_url(re.compile(r"module=model\.layers\.1\.self_attn\.v_proj"), timeout=LOAD_S * 1000)
    page.locator(".term", has_text="RoPE").first.hover()
    expect(page.locator(".note")).to_contain_text("θ = 100,000")
    # Boxes are as long as they have weights: Q has three times those of K.
    widths = {name: page.get_by_role("button", name=f"{name}_proj").bounding_box() for name in ("gate", "down", "q")}
    assert all(widths.values())
    long, other, short = (box["width"] for box in widths.values() if box)
    assert long == pytest.approx(other, rel=0.02)
    assert short / long == pytest.approx(576 * 576 / (576 * 1536), rel=0.05)


def test_another_theme_draws_the_charts_anew(page: Page, app_url: str) -> None:
    page.emulate_media(color_scheme="light")
    opened(page, f"{app_url}/three_meanings?quantization=none", ".js-plotly-plot .xtick text")
    line, label = page.locator(".js-plotly-plot .js-line").first, page.locator(".js-plotly-plot .annotation-text").first
    parts = ((line, "stroke"), (label, "fill"))
    before = [node.evaluate(f"node => getComputedStyle(node).{name}") for node, name in parts]
    page.emulate_media(color_scheme="dark")
    for (node, name), old in zip(parts, before, strict=True):
        expect(node).not_to_have_css(name, old)
