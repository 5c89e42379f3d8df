"""The pages of chat templates in Chromium: bubbles that write the string, hover in both directions, the keyboard."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

import lmloupe as lm
from tests.support.browser import press, settled
from ui.state.link import encode
from ui.state.settings import SETTINGS
from ui.state.settings.defaults import DEFAULT_MESSAGES

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
LOAD_S = 120
MARKUP = "<img src=x onerror=alert(1)>\n<b>bold</b> 🥥"


LETTERS = "nodes => nodes.map(n => n.textContent.replaceAll('⏎', '')).join('')"


def visit(page: Page, url: str, address: str = "template", **values: object) -> Page:
    params = encode({name: setting.default for name, setting in SETTINGS.items()} | values).params
    page.goto(f"{url}/{address}?" + "&".join(f"{name}={value}" for name, value in params.items()))
    page.get_by_role("heading", level=1).wait_for(timeout=LOAD_S * 1000)
    settled(page, timeout_s=LOAD_S)
    page.locator(".prompt-view .text").first.wait_for()  # the script has run before the browser has drawn
    return page


def held(page: Page) -> list[str]:
    """What the bubbles hold."""
    return [area.input_value() for area in page.locator(".bubbles textarea[data-field='content']").all()]


def lit(page: Page) -> tuple[list[str], list[str]]:
    """Texts of the prompt and numbers of the lines that are lit."""
    pieces = page.locator(".with-source .p.here").evaluate_all("nodes => nodes.map(node => node.place)")
    lines = page.locator(".source .line.here .number").all_inner_texts()
    return pieces, lines


def test_a_piece_lights_its_line_and_a_line_all_that_it_wrote(page: Page, app_url: str) -> None:
    messages = [*DEFAULT_MESSAGES, {"role": "assistant", "content": MARKUP}]
    visit(page, app_url, messages=messages)
    chat = lm.render_chat(lm.load_tokenizer("llama-3.1"), messages, add_generation_prompt=True)
    shown = page.locator(".with-source .p").evaluate_all(
        "nodes => nodes.map(n => [...n.childNodes].filter(c => !c.className).map(c => c.textContent).join('')).join('')"
    )
    assert shown == chat.text  # every character, and no markup of it

    answer = next(s for s in chat.spans if s.message == 2 and s.part == "content")
    page.locator(".with-source .p", has_text="The capital of France is Paris.").hover()
    expect(page.locator(".source .line.here .number")).to_have_text([str(answer.line)])
    expect(page.locator(".status")).to_contain_text(f"template line {answer.line}, message 3, its text")
    message = "".join(chat.text[s.start : s.end] for s in chat.spans if s.message == 2)
    together = page.locator(".with-source .p.message").evaluate_all(
        "nodes => nodes.map(n => [...n.childNodes].filter(c => !c.className).map(c => c.textContent).join('')).join('')"
    )
    assert together == message

    row = page.locator(".source .line").nth(answer.line - 1)
    row.hover()
    written = [s for s in chat.spans if answer.line in (s.line, s.call_line)]
    characters = sum(s.end - s.start for s in written)
    expect(page.locator(".status")).to_contain_text(f"Template line {answer.line} wrote {characters} characters")
    assert len({s.message for s in written}) == 4  # all turns behind the system turn

    # A click keeps what is lit while the pointer goes on.
    row.click()
    page.locator(".with-source .p", has_text="The capital of France is Paris.").hover()
    expect(page.locator(".source .line.here .number")).to_have_text([str(answer.line)])
    expect(page.locator(".status")).to_contain_text("Kept until the next click")
    row.click()

    page.locator(".source .line").first.focus()
    expect(page.locator(".status")).to_contain_text("Template line 1 wrote nothing here")
    page.locator(".with-source .p[tabindex='0']").focus()
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
    expect(page.locator(".with-source .p").first).to_have_text("<|begin_of_text|>", timeout=20_000)


def test_the_string_grows_as_one_types_and_one_stay_is_one_step_back(page: Page, app_url: str) -> None:
    visit(page, app_url, "chat", template_of="qwen2")
    area = page.get_by_label("Text of turn 4")
    area.click()
    area.press("End")
    steps = page.evaluate("history.length")
    for letters in (" And", " of", " Chile 🤚?"):
        page.keyboard.type(letters)
        expect(page.locator(".text")).to_contain_text(letters.strip())
        settled(page)
    expect(page.locator(".bubble.here")).to_have_attribute("data-message", "3")
    assert page.evaluate("history.length") == steps + 1
    messages = [*DEFAULT_MESSAGES[:3], DEFAULT_MESSAGES[3] | {"content": "And of Japan? And of Chile 🤚?"}]
    chat = lm.render_chat(lm.load_tokenizer("qwen2"), messages, add_generation_prompt=True)
    assert page.locator(".text .p").evaluate_all(LETTERS) == chat.text
    page.go_back()
    expect(page.locator(".text")).not_to_contain_text("Chile")
    expect(area).to_have_value("And of Japan?")
    page.go_forward()
    expect(area).to_have_value("And of Japan? And of Chile 🤚?")
    page.reload()
    expect(area).to_have_value("And of Japan? And of Chile 🤚?", timeout=LOAD_S * 1000)


def test_turns_are_added_moved_and_taken_away_by_keyboard_and_mouse(page: Page, app_url: str) -> None:
    visit(page, app_url, "chat", template_of="phi-3")
    page.get_by_label("Text of turn 4").click()
    page.keyboard.press("Alt+ArrowUp")
    expect(page.get_by_label("Text of turn 3")).to_be_focused()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_label("Text of turn 4")).to_be_focused()
    page.keyboard.type("Tokyo, of course.")
    expect(page.locator(".text")).to_contain_text("Tokyo, of course.")
    texts = [message["content"] for message in DEFAULT_MESSAGES]
    assert held(page) == [*texts[:2], texts[3], "Tokyo, of course.", texts[2]]
    # What was typed is not lost to a click that comes before its pause is over.
    page.keyboard.type(" Yes.")
    page.locator(".bubble").nth(0).hover()
    page.get_by_role("button", name="Remove turn 1").click()
    page.get_by_label("Role of turn 1").select_option("tool")
    expect(page.locator(".bubble").nth(0).locator(".gone")).to_contain_text("the model never sees it")
    settled(page)
    assert held(page) == [texts[1], texts[3], "Tokyo, of course. Yes.", texts[2]]
    expect(page.locator(".text")).to_contain_text("Tokyo, of course. Yes.")
    expect(page.locator(".lost del")).to_have_text("What is the capital of France?")
    assert page.locator(".lost del").evaluate("node => getComputedStyle(node).textDecorationLine") == "line-through"


def test_a_bubble_and_its_stretch_light_each_other(page: Page, app_url: str) -> None:
    visit(page, app_url, "chat")
    page.locator(".bubble").nth(1).hover()
    chat = lm.render_chat(lm.load_tokenizer("llama-3.1"), DEFAULT_MESSAGES, add_generation_prompt=True)
    own = "".join(chat.text[s.start : s.end] for s in chat.spans if s.message == 1)
    assert page.locator(".text .p.message").evaluate_all(LETTERS) == own
    page.locator(".text .p", has_text="The capital of France is Paris.").hover()
    expect(page.locator(".bubble.here")).to_have_attribute("data-message", "2")
    # The colour says the same.
    colour = "node => getComputedStyle(node).backgroundColor"
    stretch = page.locator(".text .p", has_text="The capital of France is Paris.")
    page.mouse.move(0, 0)
    assert page.locator(".bubble").nth(2).evaluate(colour) == stretch.evaluate(colour)


def test_the_lesson_on_tools_offers_the_family_that_writes_them(page: Page, app_url: str) -> None:
    visit(page, app_url, "chat", template_of="qwen2")
    press(page.get_by_role("combobox", name="Lesson"))
    page.get_by_role("option", name="Tools").click()
    expect(page.locator(".lost del").first).to_be_visible()
    expect(page.locator(".tools.dropped")).to_contain_text("get_weather(city)")
    press(page.get_by_role("button", name="Show Llama 3.1, which writes the tools"))
    expect(page.locator(".lost")).to_have_count(0)
    expect(page.get_by_role("button", name="Llama 3.1")).to_have_attribute("aria-pressed", "true")
    press(page.get_by_role("button", name="What trains"))
    expect(page.locator(".foot")).to_contain_text("train:")
    expect(page.locator(".t.trained")).to_have_count(int(page.locator(".foot").inner_text().split()[0]))
    press(page.get_by_role("button", name="Back to yours"))
    expect(page.locator(".text")).to_contain_text("And of Japan?")


def test_both_are_on_the_first_screen(page: Page, app_url: str) -> None:
    visit(page, app_url, "chat")
    for node in (page.locator(".bubble").last, page.locator(".text"), page.locator(".foot")):
        box = node.bounding_box()
        assert box
        assert box["y"] + box["height"] < 900
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(300)
    text, bubble = page.locator(".text").bounding_box(), page.locator(".bubble").first.bounding_box()
    assert text
    assert bubble
    assert text["y"] < min(320, bubble["y"])


def test_the_boxes_of_a_gap_write_the_prompt(page: Page, app_url: str) -> None:
    visit(page, app_url, "fim")
    page.get_by_label("Before the gap").fill("def f(x):")
    expect(page.locator(".text").first).to_contain_text("def f(x):")
    settled(page)
    assert "fim_prefix=def" in page.url
    page.locator(".bubble").nth(1).hover()
    expect(page.locator(".text").first.locator(".p.message")).to_contain_text("return total")


def test_what_cannot_be_chosen_as_a_template_is_refused_with_a_sentence(page: Page, app_url: str) -> None:
    visit(page, app_url, "chat")
    box = page.get_by_role("combobox", name="Template of")
    press(box)
    page.keyboard.type("no hub id")
    page.keyboard.press("Enter")
    alert = page.locator("[data-testid='stAlertContentError']")
    expect(alert).to_contain_text("“no hub id” is not a template to choose")
    expect(alert).to_contain_text("The page goes on with Llama 3.1.")
    press(page.get_by_role("button", name="Phi-3"))
    expect(alert).to_have_count(0)
