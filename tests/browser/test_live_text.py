"""The live text box as a person types into it, in Chromium; its rules without a browser are at the end."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from tests.support.browser import serve, settled, watched
from ui.components.live_text import Box

if TYPE_CHECKING:
    from playwright.sync_api import Locator, LocatorAssertions, Page

APP = Path(__file__).parents[1] / "support" / "apps" / "live_text_app.py"
SLOW_S = 0.6
COMPOSE = """(area, text) => {
    area.focus();
    area.dispatchEvent(new CompositionEvent('compositionstart', {bubbles: true}));
    area.value = text;
    area.dispatchEvent(new InputEvent('input', {bubbles: true, isComposing: true}));
}"""


@pytest.fixture(scope="module")
def url(browser) -> Iterator[str]:
    with serve(APP) as address:
        yield address


@pytest.fixture
def show(context, url) -> Iterator[Callable[[str], Page]]:
    def open_page(address: str = "") -> Page:
        page.goto(f"{url}/{address}")
        box(page).wait_for()
        shows_runs(page, 1)
        return page

    with watched(context) as page:
        yield open_page


def expect(locator: Locator) -> LocatorAssertions:
    from playwright.sync_api import expect as expect_

    return expect_(locator)


def box(page: Page) -> Locator:
    return page.get_by_label("Text", exact=True)


def shows(page: Page, text: str) -> None:
    """Wait until the server has the text."""
    page.locator("[data-testid='stCode']", has_text=f"{len(text)} characters: {text[:200]!a}").wait_for()


def shows_runs(page: Page, number: int) -> None:
    page.get_by_text(f"runs: {number}", exact=True).wait_for()
    settled(page)


def runs(page: Page) -> int:
    settled(page)
    return int(page.get_by_text(re.compile(r"^runs: \d+$")).inner_text().split()[1])


def link(page: Page) -> str | None:
    return parse_qs(urlsplit(page.url).query).get("text", [None])[0]


@pytest.mark.browser
def test_typing_sends_the_text_after_a_pause_in_one_run(show):
    page = show("?text=start")
    expect(box(page)).to_have_value("start")
    box(page).fill("a new text")
    shows(page, "a new text")
    page.wait_for_timeout(500)
    assert runs(page) == 2
    assert link(page) == "a new text"
    box(page).press("End")
    box(page).press_sequentially(" crc", delay=20)  # r and c are shortcuts of Streamlit
    shows(page, "a new text crc")
    box(page).press("Control+Enter")
    page.wait_for_timeout(500)
    assert runs(page) == 3
    assert page.get_by_role("dialog").count() == 0


@pytest.mark.browser
def test_an_answer_that_comes_late_touches_neither_text_nor_cursor(show):
    page = show(f"?text=end&slow={SLOW_S}")
    box(page).press("Home")
    expected = ""
    for word in ("one ", "two ", "three ", "four "):
        box(page).press_sequentially(word, delay=15)
        page.wait_for_timeout(330)  # long enough that it is sent, too short for the answer
        expected += word
        expect(box(page)).to_have_value(f"{expected}end")
        assert box(page).evaluate("area => area.selectionStart") == len(expected)
    shows(page, f"{expected}end")
    expect(box(page)).to_have_value(f"{expected}end")
    assert box(page).evaluate("area => [area.selectionStart, area.selectionEnd]") == [len(expected)] * 2
    assert box(page).evaluate("area => area.getRootNode().activeElement === area")


@pytest.mark.browser
def test_code_and_typing_at_once_the_newer_one_stays(show):
    page = show(f"?text=first&slow={SLOW_S}")
    page.get_by_role("button", name="Put").click()
    shows(page, "put by code")
    expect(box(page)).to_have_value("put by code")
    # Typed, then the button at once: the button is the newer act.
    box(page).fill("typed before")
    page.get_by_role("button", name="Put").click()
    expect(box(page)).to_have_value("put by code")
    settled(page)
    shows(page, "put by code")
    expect(box(page)).to_have_value("put by code")
    # The button, then typed before its answer is here: the typing is newer.
    box(page).fill("other")
    shows(page, "other")
    settled(page)
    # In one breath, so that no answer can come in between, however slow or quick the machine is.
    button = page.get_by_role("button", name="Put").element_handle()
    typed = box(page).evaluate(
        "(area, button) => { button.click(); area.focus(); area.value += '!';"
        " area.dispatchEvent(new Event('input', { bubbles: true })); return area.value; }",
        button,
    )
    assert typed == "other!"
    shows(page, typed)
    settled(page)
    expect(box(page)).to_have_value(typed)


@pytest.mark.browser
def test_pages_back_forward_and_a_fresh_session_show_the_text(show, browser):
    page = show("?text=start")
    box(page).focus()
    for text in ("typed one", "typed two", "typed three"):
        box(page).fill(text)
        shows(page, text)
    # Typed, and away before the pause is over.
    box(page).fill("typed, then away")
    page.get_by_role("link", name="second").click()
    page.get_by_role("heading", name="Second").wait_for()
    shows(page, "typed, then away")
    expect(box(page)).to_have_value("typed, then away")
    page.get_by_role("link", name="third").click()
    page.get_by_role("heading", name="Third").wait_for()
    settled(page)
    expect(box(page)).to_have_value("typed, then away")
    box(page).fill("from an ordinary text area")
    box(page).press("Control+Enter")
    shows(page, "from an ordinary text area")
    page.get_by_role("link", name="first").click()
    page.get_by_role("heading", name="First").wait_for()
    shows(page, "from an ordinary text area")
    expect(box(page)).to_have_value("from an ordinary text area")
    fresh = browser.new_context()
    other = fresh.new_page()
    other.goto(page.url)
    shows(other, "from an ordinary text area")
    expect(box(other)).to_have_value("from an ordinary text area")
    fresh.close()


@pytest.mark.browser
def test_one_visit_to_the_box_is_one_step_back(show):
    page = show("?text=start")
    for text in ("typed one", "typed two", "typed three"):
        box(page).fill(text)
        shows(page, text)
        settled(page)
    page.go_back()
    shows(page, "start")
    expect(box(page)).to_have_value("start")
    page.go_forward()
    shows(page, "typed three")
    expect(box(page)).to_have_value("typed three")
    # A step that a button makes is a step of its own.
    page.get_by_role("button", name="Put").click()
    shows(page, "put by code")
    settled(page)
    page.go_back()
    shows(page, "typed three")


@pytest.mark.browser
def test_a_word_being_composed_is_left_alone(show):
    page = show("?text=start")
    box(page).evaluate(COMPOSE, "startに")
    page.wait_for_timeout(400)
    assert runs(page) == 1
    # An answer of the server in the middle of it changes nothing either.
    page.get_by_role("button", name="Put").evaluate("button => button.click()")
    shows_runs(page, 2)
    expect(box(page)).to_have_value("startに")
    box(page).evaluate(
        """area => {
            area.value = 'start日本';
            area.dispatchEvent(new CompositionEvent('compositionend', {bubbles: true, data: '日本'}));
        }"""
    )
    shows(page, "start日本")
    expect(box(page)).to_have_value("start日本")


@pytest.mark.browser
def test_any_text_arrives(show):
    page = show("?text=start")
    fill = """(area, text) => { area.value = text; area.dispatchEvent(new InputEvent('input', {bubbles: true})); }"""
    for text in ("a\0b", "<img src=x onerror=alert(1)>", "مرحبا 🤚🏽", "", " \n\t"):
        box(page).evaluate(fill, text)
        shows(page, text)
    megabyte = "word " * 200_000
    box(page).evaluate(fill, megabyte)
    shows(page, megabyte)
    expect(box(page)).to_have_value(megabyte)
    box(page).evaluate(fill, "half \ud83e")
    page.get_by_text("The text was not taken over: it must be text without lone surrogates").wait_for()
    assert box(page).evaluate("area => area.value.charCodeAt(5)") == 0xD83E  # what was typed stays
    shows(page, megabyte)
    box(page).fill("good warn")
    shows(page, "good warn")
    page.get_by_text("Something above").wait_for()
    assert page.get_by_text("was not taken over").count() == 0


@pytest.mark.browser
def test_a_phone_the_help_and_the_look(show):
    page = show("?text=start")
    page.set_viewport_size({"width": 360, "height": 700})
    page.wait_for_timeout(300)
    area = box(page).bounding_box()
    assert area["x"] >= 0
    assert area["x"] + area["width"] <= 360
    assert area["height"] == 130 - 28
    page.get_by_role("button", name="Help for Text").focus()
    assert page.get_by_role("tooltip").inner_text() == "Any text in any language."
    assert page.get_by_role("tooltip").is_visible()
    assert page.get_by_role("textbox", name="Text", exact=True).count() == 1
    assert box(page).get_attribute("placeholder") == "Write something"


# ---- without a browser


def test_an_edit_counts_once_and_on_the_newest_push_only():
    box_ = Box()
    box_.show("start")
    first = box_.push
    assert box_.receive({"push": first, "edit": 4, "text": "typed"}) == "typed"
    assert box_.receive({"push": first, "edit": 4, "text": "typed"}) is None
    assert box_.receive({"push": first, "edit": 3, "text": "older"}) is None
    box_.show("by code")
    assert (box_.text, box_.seen) == ("by code", 4)
    assert box_.receive({"push": first, "edit": 5, "text": "on the old one"}) is None
    assert box_.receive({"push": box_.push, "edit": 6, "text": "on the new one"}) == "on the new one"
    other = Box()
    other.show("by code")
    assert box_.receive({"push": other.push, "edit": 9, "text": "another session's"}) is None


SENT = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.dictionaries(st.text(), inner)
)


@given(sent=SENT | st.fixed_dictionaries({"push": SENT, "edit": SENT, "text": SENT}))
def test_nothing_that_a_browser_sends_breaks_it(sent):
    box_ = Box()
    box_.show("start")
    taken = box_.receive(sent)
    assert taken is None or isinstance(taken, str)
    if isinstance(sent, dict) and "push" in sent:
        text = box_.receive(sent | {"push": box_.push})
        fits = type(sent["edit"]) is int and sent["edit"] > 0 and isinstance(sent["text"], str)
        assert text == (sent["text"] if fits else None)


def test_without_a_browser_it_is_an_ordinary_text_area():
    app = AppTest.from_file(str(APP))
    app.query_params["text"] = "from the link"
    app.run()
    assert not app.exception
    assert app.text_area(key="text").value == "from the link"
    app.text_area(key="text").set_value("typed").run()
    assert not app.exception
    assert app.code[0].value == "5 characters: 'typed'"
