"""Every page in Chromium: on every screen and in both themes, on paper, on a projector, and as axe-core reads it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
from playwright.sync_api import TimeoutError as TooLong
from playwright.sync_api import expect

from tests.support.browser import LOAD_S, REPOSITORY, at_rest, press, resized, settled, visit
from ui.pages import MOVED, PAGES

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.model, pytest.mark.usefixtures("embedded_model_folder")]

SCREENS = {"laptop": (1280, 900), "projector": (1920, 1080), "phone": (390, 844), "laptop at 200 %": (640, 450)}
LOWEST = {"laptop": 200, "projector": 240, "phone": 320, "laptop at 200 %": 400}
"""Pixels from the top where the first result begins at the latest."""
PAPER: dict[Literal["light", "dark"], str] = {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 22, 26)"}
# Set to docs/screenshots, this test writes the README's pictures.
SCREENSHOTS = os.environ.get("LMLOUPE_SCREENSHOTS")
AXE = REPOSITORY / "node_modules" / "axe-core" / "axe.min.js"
# Streamlit's own, which no page can change: in 1.67 the list of the sidebar has children that are no items.
NOT_OURS = ["[data-testid='stToolbar']", "[data-testid='stSidebarHeader']", "[data-testid='stSidebarNav']"]

# The first view, chart, table or diagram under the bar. Boxes, sliders and sentences are no results.
FIRST_RESULT = """() => {
  const main = document.querySelector('[data-testid=stMainBlockContainer]');
  const kinds = '.stBidiComponent, .stPlotlyChart, .stDataFrame, .stVegaLiteChart, .stHtml, .stCode, .stTable';
  const tops = [...main.querySelectorAll(kinds)]
    .filter((one) => !one.closest('.st-key-bar, .st-key-page_tools, [data-testid=stPopoverBody]'))
    .filter((one) => one.getBoundingClientRect().height > 24)
    .map((one) => one.getBoundingClientRect().top);
  return Math.round(Math.min(...tops));
}"""
SIDEWAYS = """() => {
  const main = document.querySelector('[data-testid=stMain]'), root = document.documentElement;
  return Math.max(main.scrollWidth - main.clientWidth, root.scrollWidth - root.clientWidth);
}"""

OVERLAPS = """() => {
  const bar = document.querySelector('.st-key-bar');
  const all = [...bar.querySelectorAll('h1, button, textarea, [data-baseweb=select]')]
    .filter((one) => one.getBoundingClientRect().width > 4);
  const over = (a, b) => {
    const [p, q] = [a, b].map((one) => one.getBoundingClientRect());
    return Math.min(p.right, q.right) - Math.max(p.left, q.left) > 2
      && Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top) > 2;
  };
  return all.flatMap((a, i) => all.slice(i + 1)
    .filter((b) => !a.contains(b) && over(a, b))
    .map((b) => `${a.innerText} and ${b.innerText}`));
}"""


# What axe-core reads of a colour: a theme changes nothing else.
OF_COLOURS = ["color-contrast", "link-in-text-block"]


def serious(page: Page, rules: list[str] | None = None) -> dict[str, list[str]]:
    """What axe-core finds serious or critical, by all its rules or some: the rule, and where."""
    settled(page, timeout_s=LOAD_S)
    at_rest(page)  # what fades in has too little contrast
    if page.evaluate("() => typeof window.axe") == "undefined":
        page.add_script_tag(path=AXE)
    options = {"resultTypes": ["violations"]} | ({"runOnly": rules} if rules else {})
    found: dict[str, Any] = page.evaluate(
        "([exclude, options]) => axe.run({ exclude }, options)", [[[one] for one in NOT_OURS], options]
    )
    return {
        one["id"]: [
            f"{node['html'][:160]} | {node['any'][0]['message'] if node['any'] else ''}" for node in one["nodes"][:4]
        ]
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    }


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Page]:
    """One tab in which each page is opened by its address: what Chromium has compiled for one serves the next."""
    context = browser.new_context(color_scheme="light", viewport={"width": 1280, "height": 900}, bypass_csp=True)
    yield context.new_page()
    context.close()


@pytest.fixture
def seen(tab: Page, app_url: str) -> Iterator[tuple[list[str], list[str]]]:
    """Script errors, and requests that leave the machine."""
    errors: list[str] = []
    outside: list[str] = []

    def failed(error: object) -> None:
        errors.append(str(error))

    def asked(request: Any) -> None:
        if not request.url.startswith((app_url, "data:", "blob:", "ws")):
            outside.append(request.url)

    tab.on("pageerror", failed)
    tab.on("request", asked)
    yield errors, outside
    tab.remove_listener("pageerror", failed)
    tab.remove_listener("request", asked)


def wrong_places(page: Page, screen: str) -> list[str]:
    """What a screen shows where it should not be."""
    width, height = SCREENS[screen]
    resized(page, width, height)
    with contextlib.suppress(TooLong):  # charts and tables take a moment to take on a new width
        page.wait_for_function(f"() => ({SIDEWAYS})() <= 0", timeout=10_000)
    assert page.locator("[data-testid='stException'], [data-testid='stAlertContentError']").count() == 0
    wrong = []
    if (overflow := page.evaluate(SIDEWAYS)) > 0:
        wrong.append(f"{screen}: scrolls sideways by {overflow} pixels")
    if (top := page.evaluate(FIRST_RESULT)) > LOWEST[screen]:
        wrong.append(f"{screen}: the first result begins at {top} pixels")
    return wrong


@pytest.mark.parametrize("shown", PAGES, ids=lambda page: page.url)
def test_every_page_fits_every_screen_and_axe_finds_nothing_serious(
    tab: Page, app_url: str, seen: tuple[list[str], list[str]], shown: Any
) -> None:
    if not AXE.exists():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no axe-core here: npm ci")
    errors, outside = seen
    page, wrong = tab, []
    page.emulate_media(media="screen", color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 900})
    # One visit: what a page has drawn for one width or theme it draws anew for another.
    visit(page, f"{app_url}/{'' if shown is PAGES[0] else shown.url}")
    expect(page.get_by_role("heading", level=1)).to_have_text(shown.title)
    expect(page.get_by_text(shown.look_for)).to_be_visible()
    expect(page.get_by_test_id("stApp")).to_have_css("background-color", PAPER["light"])
    for screen in SCREENS:
        wrong += wrong_places(page, screen)
        if SCREENSHOTS:
            picture(page, Path(SCREENSHOTS), shown.url, screen)
    for width in (820, 1024, 1280):
        resized(page, width, 900)
        wrong += [f"{width} wide: {both} overlap in the bar" for both in page.evaluate(OVERLAPS)]
    wrong += [f"axe {rule}: {where}" for rule, where in serious(page).items()]
    page.emulate_media(color_scheme="dark")
    expect(page.get_by_test_id("stApp")).to_have_css("background-color", PAPER["dark"])
    settled(page, timeout_s=LOAD_S)  # charts are drawn anew
    for screen in ("phone", "laptop"):
        wrong += [f"dark, {place}" for place in wrong_places(page, screen)]
    wrong += [f"dark, axe {rule}: {where}" for rule, where in serious(page, OF_COLOURS).items()]
    page.emulate_media(media="print")
    for gone in (".st-key-bar", "[data-testid='stSidebar']", "[data-testid='stHeader']"):
        expect(page.locator(gone)).to_be_hidden()
    assert not wrong, "\n".join(wrong)
    assert not errors
    assert not outside, "the app must work offline"


def picture(page: Page, folder: Path, name: str, screen: str) -> None:
    """The pictures of the README: each page on a laptop, one on a projector and one on a phone."""
    wanted = {"laptop": f"{name}.png"}
    wanted |= {"projector": "tokens_1920.png", "phone": "tokens_phone.png"} if name == "tokens" else {}
    readme = (REPOSITORY / "README.md").read_text("utf-8")
    if f"docs/screenshots/{wanted.get(screen)}" in readme:
        # What is computed in the background belongs into the picture.
        expect(page.get_by_role("button", name="Stop")).to_have_count(0, timeout=LOAD_S * 2000)
        page.get_by_role("button", name="Got it").evaluate_all("(all) => all.forEach((one) => one.click())")
        page.wait_for_timeout(800)
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=folder / wanted[screen])


def test_paper_has_the_right_end_of_a_chart_and_no_empty_table(page: Page, app_url: str) -> None:
    visit(page, f"{app_url}/tokens")
    chart = page.locator(".js-plotly-plot").last
    chart.wait_for()
    page.emulate_media(media="print")
    drawn = chart.evaluate(
        "(one) => { dispatchEvent(new Event('beforeprint'));"
        " return one.querySelector('.main-svg').getBoundingClientRect().width }"
    )
    assert drawn <= 641
    expect(page.locator("details[data-for-paper] [data-testid='stDataFrame']:visible")).to_have_count(0)
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details[data-for-paper]").count() == 0


def test_old_addresses_lead_on_with_their_parameters(page: Page, app_url: str) -> None:
    for old, new in MOVED.items():
        title = next(one.title for one in PAGES if one.url == new)
        page.goto(f"{app_url}/{old}?text=Two+coconuts")
        expect(page.get_by_role("heading", level=1)).to_have_text(title, timeout=LOAD_S * 1000)
        settled(page, timeout_s=LOAD_S)
        assert f"/{new}?text=Two" in page.url


def test_the_presenter_view_is_large_turns_pages_and_ends(page: Page, app_url: str) -> None:
    page.set_viewport_size({"width": 1920, "height": 1080})
    visit(page, f"{app_url}/tokens?text=A+coconut")
    small = page.locator(".flow .t").first.evaluate("(one) => parseFloat(getComputedStyle(one).fontSize)")
    page.keyboard.press("p")
    expect(page.locator(".st-key-bar")).to_be_hidden()
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()
    assert "present=1" in page.url
    large = page.locator(".flow .t").first.evaluate("(one) => parseFloat(getComputedStyle(one).fontSize)")
    assert large >= 40 > small
    code = page.get_by_role("img", name="QR code of the link to this screen")
    expect(code).to_be_visible()
    right = code.bounding_box()
    press(page.get_by_role("button", name="Move", exact=True))
    left = code.bounding_box()
    assert left is not None
    assert right is not None
    assert left["x"] < 200 < right["x"]
    press(page.get_by_role("button", name="Fold", exact=True))
    expect(code).to_be_hidden()  # nor on the next page, until it is asked for
    page.keyboard.press("ArrowRight")
    following = PAGES[[one.url for one in PAGES].index("tokens") + 1]
    page.wait_for_url(f"**/{following.url}**")
    settled(page, timeout_s=LOAD_S)
    assert "present=1" in page.url
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", level=1)).to_have_text(following.title)
    assert "present" not in page.url


def test_a_short_link_opens_the_screen_and_an_unknown_one_says_so(browser: Browser, page: Page, app_url: str) -> None:
    text = "A coconut palm on a beach, far away from every classroom"
    visit(page, f"{app_url}/?present=1&text={text.replace(' ', '+')}")
    short = page.locator(".corner div").inner_text()
    assert short.startswith(app_url)
    assert "?s=" in short
    fresh = browser.new_context().new_page()
    visit(fresh, short)
    expect(fresh.get_by_label("Text", exact=True)).to_have_value(text)
    visit(fresh, f"{app_url}/?s=nothing")
    expect(fresh.get_by_test_id("stAlert")).to_contain_text("does not know the short link")
    fresh.context.close()


def test_the_sentence_of_a_first_visit_goes_for_good(page: Page, app_url: str) -> None:
    visit(page, app_url)
    sentence = page.get_by_text(PAGES[0].look_for)
    expect(sentence).to_be_visible()
    page.get_by_role("button", name="Got it").click()
    expect(sentence).to_be_hidden()
    visit(page, app_url)
    page.locator(".st-key-figure_word h2").wait_for()
    expect(page.get_by_text(PAGES[0].look_for)).to_be_hidden()
