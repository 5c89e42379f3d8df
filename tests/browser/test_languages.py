"""Languages and Compare files as a person meets them: a dot is clicked, a file is opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.support.browser import settled

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def test_a_click_on_a_dot_shows_its_language(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/languages?tokenizers=llama-3.1")
    dot = page.locator(".stPlotlyChart").first.locator(".scatterlayer .trace .point").nth(1)
    dot.wait_for(timeout=120_000)
    settled(page, timeout_s=120)
    box = dot.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.get_by_role("heading", level=2).first).to_have_text(
        "Telugu costs Llama 3.1 about 7.6 times as much as English"
    )
    page.wait_for_url("**/languages?*language=Telugu*")


def test_an_opened_file_is_the_text_of_all_pages(page: Page, app_url: str, tmp_path: Path) -> None:
    page.goto(f"{app_url}/compare")
    page.locator(".row").first.wait_for(timeout=120_000)
    settled(page, timeout_s=120)
    (good := tmp_path / "notes.txt").write_text("Two coconuts fell\n" * 3, "utf-8")
    (bad := tmp_path / "latin.txt").write_bytes(b"caf\xe9 " * 9)
    page.locator(".file input[type=file]").set_input_files(bad)
    expect(page.get_by_text("is not UTF-8 text", exact=False)).to_be_visible(timeout=60_000)
    page.locator(".file input[type=file]").set_input_files(good)
    expect(page.locator(".row")).to_have_count(3, timeout=60_000)
    expect(page.get_by_text("is not UTF-8 text", exact=False)).to_have_count(0)
    expect(page.get_by_label("Text", exact=True)).to_have_value("Two coconuts fell\n" * 3)
