"""Files of a person's own in Chromium: dropped on one page, a choice on the others, and in no link."""

from __future__ import annotations

import re

import pytest

from tests.support.browser import press, settled

pytestmark = pytest.mark.browser

FILE = '{"model": {"type": "WordLevel", "vocab": {"hello": 0, "?": 1}, "unk_token": "?"}}'
DROPPED = """([text, name]) => {
  const dropped = new DataTransfer();
  dropped.items.add(new File([text], name, { type: "application/json" }));
  return dropped;
}"""


def test_a_tokenizer_dropped_on_one_page_is_a_choice_on_the_others_and_in_no_link(page, app_url):
    page.goto(f"{app_url}/tokens?text=hello&tokenizers=phi-3")
    page.get_by_role("heading", name="Tokens", exact=True).wait_for()
    settled(page)
    press(page.get_by_role("button", name=re.compile("1 tokenizer$")))
    zone = page.locator(".st-key-own_tokenizer").get_by_test_id("stFileUploaderDropzone")
    zone.wait_for()
    zone.dispatch_event("drop", {"dataTransfer": page.evaluate_handle(DROPPED, [FILE, "own.json"])})
    page.get_by_role("button", name=re.compile("2 tokenizers$")).wait_for()
    page.locator(".name", has_text="own.json").wait_for()
    settled(page)
    shared = page.url
    page.keyboard.press("Escape")

    press(page.get_by_test_id("stSidebarNav").get_by_role("link", name=re.compile("How it splits$")))
    page.get_by_role("heading", name="How it splits", exact=True).wait_for()
    settled(page)
    page.locator(".st-key-tokenizer input").click()
    page.get_by_role("option", name="own.json (uploaded)").click()
    settled(page)
    page.wait_for_url("**tokenizer=upload%3Aown.json**")

    other = page.context.browser.new_context().new_page()
    other.goto(shared)
    other.get_by_text("only the session that uploaded own.json has it").wait_for()
    other.locator(".name", has_text="Phi-3").wait_for()
    assert other.locator(".name", has_text="own.json").count() == 0
    other.context.close()


def test_a_text_file_is_opened_as_the_text_of_all_pages(page, app_url):
    page.goto(f"{app_url}/tokens?text=hello&tokenizers=phi-3")
    page.get_by_role("heading", name="Tokens", exact=True).wait_for()
    settled(page)
    press(page.locator(".st-key-bar_gear button"))
    file = {"name": "a.txt", "mimeType": "text/plain", "buffer": "Kokosnuß\n".encode("utf-16")}
    page.locator(".st-key-own_text input[type=file]").set_input_files(file)
    page.locator(".flow .t", has_text="nu").first.wait_for()
    settled(page)
    page.keyboard.press("Escape")
    press(page.get_by_test_id("stSidebarNav").get_by_role("link", name=re.compile("How it splits$")))
    page.get_by_role("heading", name="How it splits", exact=True).wait_for()
    settled(page)
    assert page.locator(".st-key-bar_text textarea").input_value() == "Kokosnuß\n"
