"""Layer by layer in a browser: a cell is chosen by a click and by the keyboard, and leads on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.browser import press, settled, visit, watched

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = [pytest.mark.browser, pytest.mark.model]


@pytest.fixture(scope="module")
def page(context: BrowserContext, app_url: str) -> Iterator[Page]:
    with watched(context) as opened:
        yield visit(opened, f"{app_url}/layer_by_layer?layers_format=int8&text=The+capital+of+France+is")


def test_a_cell_is_chosen_by_click_and_keyboard_and_leads_to_its_block(page: Page) -> None:
    cell = page.get_by_role("gridcell", name="Layer 2, mlp.up_proj: error")
    press(cell, timeout_s=60)
    page.get_by_role("heading", name="Layer 2, mlp.up_proj").wait_for()
    settled(page)
    assert parse_qs(urlsplit(page.url).query)["module"] == ["model.layers.1.mlp.up_proj"]
    page.get_by_role("gridcell", name="Layer 3, mlp.up_proj: error").wait_for(timeout=60_000)
    settled(page)
    cell.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Layer 3, mlp.up_proj").wait_for()
    settled(page)  # the link below the heading comes a moment after it
    assert page.get_by_role("gridcell", selected=True).count() == 1
    target = page.get_by_role("link", name="One block of this matrix by hand").get_attribute("href")
    query = parse_qs(urlsplit(target or "").query)
    assert query["module"] == ["model.layers.2.mlp.up_proj"]
    assert query["block_format"] == ["int8"]
    assert page.evaluate("document.documentElement.scrollWidth") == 1280
