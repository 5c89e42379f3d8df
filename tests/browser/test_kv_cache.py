"""The pictures of KV cache in Chromium: the number under the pointer and the keys, a click that chooses a token."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.support.browser import LOAD_S, settled, visit

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.model, pytest.mark.usefixtures("embedded_model_folder")]


def test_the_keys_read_the_numbers_and_enter_chooses_the_token(page: Page, app_url: str) -> None:
    visit(page, f"{app_url}/kv_cache?text={quote('The capital of')}&kv_tokens=1&kv_layer=0")
    picture = page.locator(".cache")
    keys = picture.locator(".frame").first
    keys.wait_for(timeout=LOAD_S * 1000)
    settled(page, timeout_s=LOAD_S)
    keys.focus()
    for key in ("ArrowDown", "ArrowRight"):
        keys.press(key)
    said = picture.locator(".said")
    expect(said).to_contain_text("Key: token 2 “␣capital”, dimension 2: ")
    expect(said).to_contain_text("turned with dimension 34 by 0.")
    colours = keys.locator("canvas").evaluate(
        "(one) => new Set(one.getContext('2d').getImageData(0, 0, one.width, one.height).data).size"
    )
    assert colours > 20
    keys.press("ArrowDown")
    keys.press("Enter")
    expect(picture.locator(".labels .chosen")).to_contain_text("␣of")
    expect(page.get_by_text("token 3 of 3")).to_be_visible()
