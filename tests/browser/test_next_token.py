"""Next token in Chromium: bars on one axis, the die, and a click that writes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from playwright.sync_api import expect

import lmloupe as lm
from tests.support.browser import LOAD_S, press, settled
from ui.components.distribution_view import RULES
from ui.state.link import encode

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.model]

FLAT, SURE = "My favorite color is", "The capital of France is"


def visit(page: Page, url: str, **settings: str) -> None:
    page.goto(f"{url}/next_token?{urlencode(settings)}")
    page.locator(".distribution .row").first.wait_for(timeout=LOAD_S * 1000)
    settled(page, timeout_s=LOAD_S)


def axis(page: Page) -> tuple[float, float]:
    """Where the axis begins and ends, in pixels."""
    lines = ".distribution :is(.axis, .grid)"
    places = page.locator(lines).evaluate_all("all => all.map(line => Number(line.getAttribute('x1')))")
    return min(places), max(places)


def lengths(page: Page, kind: str) -> list[float]:
    """Length of each bar of a kind as a share of the whole axis."""
    left, right = axis(page)
    widths = page.locator(f".distribution rect.{kind}").evaluate_all("all => all.map(e => e.getAttribute('width'))")
    return [float(width) / (right - left) for width in widths]


def test_a_bar_is_as_long_as_its_probability_whatever_the_others_are(
    page: Page, app_url: str, embedded_model_folder: Path
) -> None:
    engine = lm.load_engine()
    first: dict[tuple[str, float], float] = {}
    for text in (SURE, FLAT):
        logits = engine.next_token(text).logits
        for temperature in (1.0, 0.5):
            visit(page, app_url, text=text, temperature=f"{temperature:g}")
            probs = lm.sampling_stages(logits, lm.Sampling(temperature=temperature))[-1].probs
            own = lm.sampling_stages(logits, lm.Sampling())[-1].probs
            ids = (-logits).argsort(kind="stable")[:12]
            drawn = lengths(page, "drawn")
            assert drawn == pytest.approx(probs[ids].tolist(), abs=0.003)
            if temperature != 1:
                assert lengths(page, "ghost") == pytest.approx(own[ids].tolist(), abs=0.003)
            first[text, temperature] = drawn[0]
            ticks = page.locator(".distribution .tick").all_text_contents()
            assert ticks[:5] == ["0%", "25%", "50%", "75%", "100%"]
    assert first[SURE, 1.0] > 4 * first[FLAT, 1.0], "what is surer looks surer"
    assert first[FLAT, 0.5] > 1.5 * first[FLAT, 1.0], "temperature is seen"

    visit(page, app_url, text=FLAT, axis_end="5", top_k="3")
    expect(page.locator(".distribution .zoomed")).to_have_text("zoomed in: the axis ends at 5%")
    assert lengths(page, "drawn")[0] == pytest.approx(1), "cut at the end of the axis"
    assert page.locator(".distribution .torn").count() >= 3
    removed = page.locator(".distribution .row", has=page.locator(".removed"))
    assert removed.count() == 9
    expect(removed.locator(".rule")).to_have_text(["removed by top-k 3"] * 9)


def test_the_die_lands_on_the_strip_and_a_click_on_a_bar_writes(
    page: Page, app_url: str, embedded_model_folder: Path
) -> None:
    page.emulate_media(reduced_motion="reduce")
    visit(page, app_url, text=FLAT, seed="7")
    probs = lm.sampling_stages(lm.load_engine().next_token(FLAT).logits, lm.Sampling())[-1].probs
    die = page.locator(".distribution .throws")
    total = 0
    for n, name in ((1, "1 time"), (1, "1 time"), (10, "10 times"), (200, "200 times")):
        press(die.get_by_role("button", name=f"Roll the die {name}", exact=True))
        total += n
        expect(die.locator(".said")).to_contain_text(f"{total} roll")
        assert f"rolls={total}" in page.url
        draws = lm.roll(probs, total, 7)
        shown = [int(text) for text in page.locator(".distribution .number.count").all_text_contents()]
        ids = (-probs).argsort(kind="stable")[:12]
        assert shown == [int((draws.ids == i).sum()) for i in ids]
        assert page.locator(".distribution").evaluate("view => view.getAnimations({ subtree: true }).length") == 0
    dots = page.locator(".distribution .dot").evaluate_all("all => all.map(e => +e.getAttribute('cx'))")
    left, right = axis(page)
    assert [(x - left) / (right - left) for x in dots] == pytest.approx(draws.places[-200:].tolist(), abs=0.001)
    press(die.get_by_role("button", name="Start over"))
    expect(page.locator(".distribution .dot")).to_have_count(0)
    assert "rolls" not in page.url

    bar = page.locator(".distribution .row").first
    label = bar.locator(".token").text_content() or ""
    press(bar)
    page.wait_for_url(re.compile(r"text=My\+favorite\+color\+is\+\w"))
    settled(page, timeout_s=LOAD_S)
    assert page.get_by_label("Text", exact=True).input_value() == FLAT + label.replace("␣", " ")
    page.locator(".distribution .row").first.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".distribution .row").nth(1)).to_be_focused()


def test_rules_are_ordered_by_button_key_and_drag_and_the_bars_follow(
    page: Page, app_url: str, embedded_model_folder: Path
) -> None:
    visit(page, app_url, text=FLAT, temperature="1.5", top_p="0.5")
    logits = lm.load_engine().next_token(FLAT).logits
    press(page.get_by_role("button", name="Order"))
    rows = page.locator(".order .row")

    def drawn_in(order: tuple[str, ...]) -> None:
        expect(rows.locator(".name")).to_have_text([RULES[rule] for rule in order])
        written = encode({"sampling_order": order}).params
        page.wait_for_url(lambda url: dict(parse_qsl(urlsplit(url).query)).items() >= written.items())
        settled(page, timeout_s=LOAD_S)
        probs = lm.sampling_stages(logits, lm.Sampling(1.5, top_p=0.5, order=order))[-1].probs
        kept = [share for share in probs[(-logits).argsort(kind="stable")[:12]] if share > 0]
        assert lengths(page, "drawn") == pytest.approx(kept, abs=0.003)

    press(page.get_by_role("button", name="llama.cpp’s order"))
    drawn_in(lm.LLAMA_CPP_ORDER)
    order = list(lm.LLAMA_CPP_ORDER)
    at = order.index("temperature")
    rows.nth(at).focus()
    page.keyboard.press("Alt+ArrowUp")
    order.insert(at - 1, order.pop(at))
    at -= 1
    expect(rows.nth(at)).to_be_focused()
    drawn_in(tuple(order))
    box, goal = rows.nth(at).bounding_box(), rows.nth(order.index("top_p")).bounding_box()
    assert box is not None
    assert goal is not None
    page.mouse.move(box["x"] + 60, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, goal["y"] + 2, steps=5)
    page.mouse.up()
    order.insert(order.index("top_p"), order.pop(at))
    drawn_in(tuple(order))
    press(page.get_by_role("button", name="Apply top-p earlier"))
    order.insert(order.index("temperature"), order.pop(order.index("top_p")))
    drawn_in(tuple(order))
