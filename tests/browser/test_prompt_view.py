"""Provenance in Chromium: hover in both directions, the keyboard, a runaway template, text that tries to be markup."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

import lmloupe as lm
from tests.support.browser import press, settled
from ui.state.link import encode
from ui.state.settings import DEFAULT_MESSAGES, SETTINGS

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
LOAD_S = 120
MARKUP = "<img src=x onerror=alert(1)>\n<b>bold</b> 🥥"


def visit(page: Page, url: str, **values: object) -> Page:
    params = encode({name: setting.default for name, setting in SETTINGS.items()} | values).params
    page.goto(f"{url}/template?" + "&".join(f"{name}={value}" for name, value in params.items()))
    page.get_by_role("heading", level=1).wait_for(timeout=LOAD_S * 1000)
    settled(page, timeout_s=LOAD_S)
    return page


def lit(page: Page) -> tuple[list[str], list[str]]:
    """Texts of the prompt and numbers of the lines that are lit."""
    pieces = page.locator(".text .p.here").evaluate_all("nodes => nodes.map(node => node.place)")
    lines = page.locator(".source .line.here .number").all_inner_texts()
    return pieces, lines


def test_a_piece_lights_its_line_and_a_line_all_that_it_wrote(page: Page, app_url: str) -> None:
    messages = [*DEFAULT_MESSAGES, {"role": "assistant", "content": MARKUP}]
    visit(page, app_url, messages=messages)
    chat = lm.render_chat(lm.load_tokenizer("llama-3.1"), messages, add_generation_prompt=True)
    page.locator(".text .p").first.wait_for()  # the script has run before the browser has drawn
    shown = page.locator(".text .p").evaluate_all(
        "nodes => nodes.map(n => [...n.childNodes].filter(c => !c.className).map(c => c.textContent).join('')).join('')"
    )
    assert shown == chat.text  # every character, and no markup of it

    answer = next(s for s in chat.spans if s.message == 2 and s.part == "content")
    page.locator(".text .p", has_text="The capital of France is Paris.").hover()
    expect(page.locator(".source .line.here .number")).to_have_text([str(answer.line)])
    expect(page.locator(".status")).to_contain_text(f"template line {answer.line}, message 3, its text")
    message = "".join(chat.text[s.start : s.end] for s in chat.spans if s.message == 2)
    together = page.locator(".text .p.message").evaluate_all(
        "nodes => nodes.map(n => [...n.childNodes].filter(c => !c.className).map(c => c.textContent).join('')).join('')"
    )
    assert together == message

    row = page.locator(".source .line").nth(answer.line - 1)
    row.hover()
    written = [s for s in chat.spans if answer.line in (s.line, s.call_line)]
    characters = sum(s.end - s.start for s in written)
    expect(page.locator(".status")).to_contain_text(f"Template line {answer.line} wrote {characters} characters")
    assert len({s.message for s in written}) == 4  # all turns behind the system turn

    page.locator(".source .line").first.focus()
    expect(page.locator(".status")).to_contain_text("Template line 1 wrote nothing here")
    page.locator(".text .p[tabindex='0']").focus()
    before = lit(page)
    page.keyboard.press("ArrowRight")
    assert lit(page)[0] == [before[0][0] + 1]


def test_a_runaway_template_is_stopped_and_kept(page: Page, app_url: str) -> None:
    visit(page, app_url)
    press(page.get_by_text("Edit the template"))
    area = page.get_by_role("textbox", name="Template source")
    runaway = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
    area.fill(runaway)
    began = time.monotonic()
    area.press("Control+Enter")
    expect(page.locator("[data-testid='stAlertContentError']")).to_contain_text("was stopped", timeout=20_000)
    assert time.monotonic() - began < 20, "a loaded machine may take longer than two seconds, but it ends"
    assert area.input_value() == runaway
    press(page.get_by_role("button", name="Reset"))
    expect(page.locator(".text .p").first).to_have_text("<|begin_of_text|>", timeout=20_000)
