"""The lens and attention in Chromium: what AppTest cannot do, clicks in the drawings and the files they save."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from playwright.sync_api import expect

import lmloupe as lm
from tests.support.browser import LOAD_S, press, settled

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.model]

TEXT = "Coconuts <b>fall</b> far from the coconut palm"


def test_a_token_leads_through_the_pages(page: Page, app_url: str, embedded_model_folder: Path, tmp_path: Path) -> None:
    expect.set_options(timeout=60_000)
    main = page.get_by_test_id("stMainBlockContainer")
    enc = lm.encode(lm.load_tokenizer("smollm2"), TEXT)
    token = next(i for i, (start, end) in enumerate(enc.offsets.tolist()) if start <= TEXT.index(" palm") < end)

    # Tokens: a click in a row of another family, then to the lens of the model's own token.
    page.goto(f"{app_url}/?{urlencode({'text': TEXT, 'tokenizers': 'llama-3.1', 'quantization': 'none'})}")
    press(page.locator(".flow .t", has_text="palm").first, timeout_s=LOAD_S)
    expect(main).to_contain_text("in Llama 3.1", timeout=LOAD_S * 1000)
    press(main.get_by_role("link", name="Lens"), timeout_s=LOAD_S)
    page.get_by_role("heading", level=1, name="Layers").wait_for(timeout=LOAD_S * 1000)
    expect(main).to_contain_text(f"token {token + 1} of {len(enc)}", timeout=LOAD_S * 1000)
    settled(page, timeout_s=LOAD_S)

    # Layers: a cell opens its top ten and moves the shared token; the picture holds the tokens as text.
    page.locator(".cell[data-r='10'][data-c='1']").click()
    expect(main).to_contain_text("If the model stopped at layer 20")
    expect(main).to_contain_text(f"token 5 of {len(enc)}")
    settled(page, timeout_s=LOAD_S)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as SVG").click()
    saved.value.save_as(tmp_path / "layers.svg")
    picture = ElementTree.parse(tmp_path / "layers.svg").getroot()  # noqa: S314 - the app's own file
    words = [node.text for node in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert "␣palm" in words
    assert any("<b" in (word or "") or "<" in (word or "") for word in words)
    assert "30 output" in words

    # Attention: the same token; another head, another token, and the link that brings them back.
    press(main.get_by_role("link", name="Attention"), timeout_s=LOAD_S)
    page.get_by_role("heading", level=1, name="Attention").wait_for(timeout=LOAD_S * 1000)
    expect(main).to_contain_text(f"token 5 of {len(enc)}", timeout=LOAD_S * 1000)
    settled(page, timeout_s=LOAD_S)
    squares = page.locator(".square")
    assert squares.count() == 270, "every head of every layer"
    assert min(squares.first.bounding_box()[side] for side in ("width", "height")) >= 24  # type: ignore[index]
    page.locator(".square[data-layer='12'][data-head='4']").click()
    page.wait_for_url(re.compile("attention_head=4"), timeout=LOAD_S * 1000)
    expect(page.locator(".attention .title")).to_contain_text("Layer 13, head 5")
    expect(page.locator(".attention .note")).to_contain_text("One of 3 heads that read key-value head 2")
    # An arc is as wide as the share that it carries, and what goes to the first token is a stub with its share.
    for one in page.locator("path.arc").all()[:6]:
        share = float((one.locator("title").text_content() or "").rsplit(":", 1)[1].strip(" %"))
        width = one.evaluate("(arc) => parseFloat(getComputedStyle(arc).strokeWidth)")
        assert width == pytest.approx(max(0.5, 0.14 * share), abs=0.02)
    expect(page.locator("text.stub.lit")).to_have_text(re.compile(r"^<?\d+% → first token$"))
    # Another layer: its square, and by keys the one beside it.
    page.locator(".square[data-layer='3'][data-head='0']").click()
    expect(page.locator(".attention .title")).to_contain_text("Layer 4, head 1")
    settled(page, timeout_s=LOAD_S)
    page.locator(".square.picked").press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator(".attention .title")).to_contain_text("Layer 5, head 1")
    settled(page, timeout_s=LOAD_S)
    page.get_by_role("button", name="On the first token").click()
    page.wait_for_url(re.compile("attention_squares=first"), timeout=LOAD_S * 1000)
    settled(page, timeout_s=LOAD_S)
    page.locator(".pick", has_text="␣palm").first.click()
    expect(main).to_contain_text(f"token {token + 1} of {len(enc)}")
    settled(page, timeout_s=LOAD_S)
    assert page.locator("b", has_text="fall").count() == 0, "a person's text is never markup"

    # And to its card: of this very token of this tokenizer, though the rows there are those of another family.
    press(main.get_by_role("link", name="Card"), timeout_s=LOAD_S)
    expect(main).to_contain_text("in SmolLM2", timeout=LOAD_S * 1000)
    expect(main).to_contain_text("␣palm")


def test_the_lens_is_a_grid_for_keys_and_fits_the_first_screen(
    page: Page, app_url: str, embedded_model_folder: Path
) -> None:
    page.goto(f"{app_url}/layers")
    grid = page.get_by_role("grid")
    expect(grid).to_have_attribute("aria-label", "Logit lens of 31 layers and 5 tokens", timeout=LOAD_S * 1000)
    settled(page, timeout_s=LOAD_S)
    expect(page.get_by_role("heading", level=2).first).to_have_text(re.compile("“␣Paris” is the first guess"))
    box = page.locator(".lens .scroller").bounding_box()
    assert box
    assert box["y"] + box["height"] <= 900, "with the sentence of the first visit"
    assert page.locator(".lens .scroller").evaluate("(one) => one.scrollWidth - one.clientWidth") <= 0
    picked = page.locator(".cell.picked")
    picked.press("ArrowDown")
    expect(page.locator(".cell:focus")).to_have_attribute("aria-label", re.compile("^Layer 29, token 63:"))
    assert page.locator("svg:focus-visible").count() == 0, "no frame round the grid"
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("lens_layer=29"), timeout=LOAD_S * 1000)
    settled(page, timeout_s=LOAD_S)
    small = page.locator(".cell text").first.evaluate("(one) => parseFloat(getComputedStyle(one).fontSize)")
    settled(page, timeout_s=LOAD_S)
    page.set_viewport_size({"width": 1920, "height": 1080})
    # The grid is drawn anew for the new width: until then its old texts are there, or none.
    large = page.locator(".lens").first.evaluate(
        "(lens, small) => new Promise((done) => {"
        "  const ends = performance.now() + 10000;"
        "  const look = () => {"
        "    const text = lens.querySelector('.cell text');"
        "    const size = text ? parseFloat(getComputedStyle(text).fontSize) : 0;"
        "    if (size > small || performance.now() > ends) done(size); else requestAnimationFrame(look);"
        "  };"
        "  look();"
        "})",
        small,
    )
    assert large > small >= 12


def test_a_door_of_the_overview_keeps_the_token(page: Page, app_url: str, embedded_model_folder: Path) -> None:
    page.goto(f"{app_url}/overview")
    picture = page.locator(".overview svg")
    picture.wait_for(timeout=LOAD_S * 1000)
    settled(page, timeout_s=LOAD_S)
    box = picture.bounding_box()
    assert box
    assert box["y"] + box["height"] <= 900, "with the sentence of the first visit"
    page.locator(".overview .token", has_text="␣France").click()
    expect(page.get_by_role("heading", level=2).first).to_have_text(re.compile("^“␣France” is id"))
    settled(page, timeout_s=LOAD_S)
    page.locator(".overview .token.chosen").press("ArrowLeft")
    expect(page.get_by_role("heading", level=2).first).to_have_text(re.compile("^“␣of” is id"))
    settled(page, timeout_s=LOAD_S)
    door = page.get_by_role("link", name=re.compile("^4 Layers"))
    assert "layers?" in (door.get_attribute("href") or "")
    door.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Layers", timeout=LOAD_S * 1000)
    expect(page.get_by_test_id("stMainBlockContainer")).to_contain_text("token 61 of 63", timeout=LOAD_S * 1000)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{app_url}/overview")
    expect(page.locator(".overview .note")).to_contain_text("a wider screen shows more", timeout=LOAD_S * 1000)
