"""The lens and attention in Chromium: what AppTest cannot do, clicks in the drawings and the files they save."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from playwright.sync_api import expect

import lmloupe as lm
from tests.support.browser import press, settled

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.model]

LOAD_S = 180
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
    page.locator(".cell[data-r='10'][data-c='4']").click()
    expect(main).to_contain_text("Top ten after layer 20")
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
    assert page.locator(".group").count() == 3
    assert page.locator("button.head").count() == 9
    page.get_by_role("button", name="Head 5: show it large").click()
    page.wait_for_url(re.compile("attention_head=4"), timeout=LOAD_S * 1000)
    expect(page.locator(".attention .title")).to_contain_text("head 5, one of 3 that read key-value head 2")
    settled(page, timeout_s=LOAD_S)
    page.locator(".pick", has_text="␣palm").first.click()
    expect(main).to_contain_text(f"token {token + 1} of {len(enc)}")
    settled(page, timeout_s=LOAD_S)
    assert page.locator("b", has_text="fall").count() == 0, "a person's text is never markup"

    # And to its card: of this very token of this tokenizer, though the rows there are those of another family.
    press(main.get_by_role("link", name="Card"), timeout_s=LOAD_S)
    expect(main).to_contain_text("in SmolLM2", timeout=LOAD_S * 1000)
    expect(main).to_contain_text("␣palm")
