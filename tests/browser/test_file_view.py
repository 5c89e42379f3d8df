"""Compare files as a person meets it, in Chromium: what is drawn, how one moves about, what is copied."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lmloupe import encode, load_tokenizer
from lmloupe.encodings.lines import LineComparison, compare_lines
from tests.support.apps.file_view_cases import TEXTS
from tests.support.browser import press, serve, settled, watched

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

APP = Path(__file__).parents[1] / "support" / "apps" / "file_view_app.py"


@pytest.fixture(scope="module")
def url(browser) -> Iterator[str]:
    with serve(APP) as address:
        yield address


@pytest.fixture
def show(context, url) -> Iterator[Callable[..., Page]]:
    context.grant_permissions(["clipboard-read", "clipboard-write"])

    def open_case(case: str, second: str = "phi-3") -> Page:
        page.goto(f"{url}/?case={case}&second={second}")
        page.locator(".row").first.wait_for(timeout=120_000)
        settled(page)
        return page

    with watched(context) as page:
        yield open_case


def found(case: str, second: str = "phi-3") -> LineComparison:
    return compare_lines(*(encode(load_tokenizer(name), TEXTS[case]) for name in ("llama-3.1", second)))


def numbers(page: Page) -> list[int]:
    """Numbers of the lines that are drawn, from the top."""
    order = (
        "nodes => nodes.toSorted((a, b) => a.offsetTop - b.offsetTop).map(n => n.querySelector('.number').innerText)"
    )
    return [int(number) for number in page.locator(".row").evaluate_all(order) if number]


def texts(locator) -> list[str]:
    return locator.evaluate_all("nodes => nodes.map(node => node.textContent)")


def current(page: Page) -> int:
    label = page.locator(".row.current").get_attribute("aria-label")
    return int(label.split(",")[0].removeprefix("Line "))


def clipboard(page: Page) -> str:
    return page.evaluate("() => navigator.clipboard.readText()")


def test_a_line_that_both_cut_alike_is_drawn_once(show) -> None:
    page = show("small")
    expected = found("small")
    assert numbers(page) == [1, 2, 3, 4, 5]
    first = page.locator(".row").first
    assert expected.same[0]
    assert first.locator(".tokens").count() == 1
    tokens = expected.encodings[0].tokens[: expected.first_tokens[0][1]]
    assert texts(first.locator(".t")) == [token.text.replace("\n", "⏎") for token in tokens]
    second = page.locator(".row").nth(1)
    assert second.locator(".tokens").count() == 2
    for which in (0, 1):
        enc = expected.encodings[which]
        span = range(*expected.first_tokens[which][1:3])
        only = [enc.token(i).text.replace("\n", "⏎")[:1] for i in span if not expected.in_both[which][i]]
        shown = texts(second.locator(f".of-{which} .t.alone"))
        assert len(shown) == len(only)
    # A token over two line ends goes on in the next line.
    assert page.locator(".of-0 .t.on").count() == page.locator(".of-0 .t.from").count() == 1


def test_a_large_file_is_a_scroller_of_fixed_height(show) -> None:
    page = show("large")
    assert len(TEXTS["large"].encode()) > 200_000
    height = page.evaluate("() => document.querySelector('[data-testid=stMain]').scrollHeight")
    assert height < 1500
    assert page.locator(".row").count() < 40
    page.locator(".scroller").evaluate("node => { node.scrollTop = node.scrollHeight; }")
    page.get_by_role("listitem", name="Line 6,000,").wait_for()
    assert numbers(page)[-1] == 6000
    assert page.locator(".row").count() < 40


def test_a_megabyte_can_be_walked_through(show) -> None:
    page = show("huge")
    # A long task would keep the browser from answering: all of these together take less than one of them may.
    took = page.evaluate(
        """() => new Promise(resolve => {
          const seen = [];
          const observer = new PerformanceObserver(list => seen.push(...list.getEntries().map(e => e.duration)));
          observer.observe({ entryTypes: ['longtask'] });
          const host = [...document.querySelectorAll('*')].find(node => node.shadowRoot?.querySelector('.scroller'));
          const scroller = host.shadowRoot.querySelector('.scroller');
          let step = 0;
          const next = () => {
            step += 1;
            scroller.scrollTop = scroller.scrollHeight * step / 20;
            if (step < 20) requestAnimationFrame(next);
            else setTimeout(() => resolve(Math.max(0, ...seen)), 200);
          };
          next();
        })"""
    )
    assert took < 1000
    assert page.locator("[data-testid=stApp] .row").count() < 40
    last = found("huge")
    assert numbers(page)[-1] == len(last)


def test_n_goes_from_difference_to_difference(show) -> None:
    page = show("large", second="qwen2")
    expected = (found("large", "qwen2").different + 1).tolist()
    walked = []
    for _ in range(4):
        page.keyboard.press("n")
        walked.append(current(page))
    # A line that is broken into pieces is a stop for each of them.
    assert list(dict.fromkeys(walked)) == expected[: len(set(walked))]
    assert len(set(walked)) > 2
    for _ in range(2):
        page.keyboard.press("Shift+N")
    assert current(page) == walked[1]
    assert page.locator(".status").inner_text().startswith(f"Line {walked[1]}, cut differently: Llama 3.1 ")
    press(page.get_by_role("button", name="Next difference"))
    assert current(page) == walked[2]


def test_only_lines_that_differ(show) -> None:
    page = show("small")
    expected = (found("small").different + 1).tolist()
    page.get_by_label("Only lines that differ").check()
    page.get_by_text("only: True").wait_for()
    assert sorted(set(numbers(page))) == expected
    page.get_by_role("button", name="Run again").click()
    settled(page)
    assert page.get_by_label("Only lines that differ").is_checked()
    page.get_by_label("Only lines that differ").uncheck()
    page.get_by_text("only: False").wait_for()
    assert set(numbers(page)) - set(expected), "lines alike are there again"


def test_a_press_copies_ids(show) -> None:
    page = show("small")
    expected = found("small")
    page.locator(".row").nth(1).hover()
    page.locator(".row").nth(1).get_by_label("Copy the ids of line 2 in Phi-3 as a Python list").click()
    page.get_by_text("Copied", exact=False).wait_for()
    assert clipboard(page) == repr(expected.ids(1, 1).tolist())
    page.get_by_label("Copy all ids of Llama 3.1 as JSON").click()
    page.get_by_text(f"Copied {len(expected.encodings[0])} ids of the whole file").wait_for()
    assert json.loads(clipboard(page)) == {
        "tokenizer": "llama-3.1",
        "ids": expected.encodings[0].input_ids.tolist(),
    }
    # By keyboard: the line is chosen in the scroller, its buttons follow.
    page.locator(".scroller").focus()
    page.keyboard.press("ArrowDown")
    assert current(page) == 1
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("ids of line 1 in Llama 3.1, as JSON").wait_for()
    assert json.loads(clipboard(page))["ids"] == expected.ids(0, 0).tolist()


def test_the_map_leads_to_a_place(show) -> None:
    page = show("large")
    strip = page.locator(".minimap")
    box = strip.bounding_box()
    strip.click(position={"x": 5, "y": box["height"] * 0.5})
    shown = numbers(page)
    assert shown[0] < 3100
    assert shown[-1] > 2900


def test_more_lines_than_a_browser_can_scroll(show) -> None:
    page = show("line ends")
    page.locator(".scroller").evaluate("node => { node.scrollTop = node.scrollHeight; }")
    page.get_by_role("listitem", name="Line 300,000,").wait_for()
    assert numbers(page)[-1] == 300_000
    assert page.locator(".row").count() < 40


def test_markup_stays_text(show) -> None:
    page = show("markup")
    content = page.locator(".content").inner_text()
    assert "<img src=x" in content
    assert page.locator(".file img, .file b").count() == 0
    assert "U+202E" in content
    assert page.title() != "broken"


def test_a_file_is_opened_by_its_button_or_dropped(show, tmp_path: Path) -> None:
    page = show("small")
    (file := tmp_path / "latin.txt").write_bytes(b"caf\xe9\n" * 10_000)
    page.locator(".file input[type=file]").set_input_files(file)
    page.get_by_text("opened: latin.txt", exact=False).wait_for()
    assert (
        page.get_by_text("opened: latin.txt", exact=False).inner_text().startswith("opened: latin.txt, b'caf\\xe9\\n")
    )
    page.locator(".file").evaluate(
        """node => {
          const transfer = new DataTransfer();
          transfer.items.add(new File(['über'], 'dropped.txt'));
          node.querySelector('.scroller').dispatchEvent(
            new DragEvent('drop', { dataTransfer: transfer, bubbles: true, composed: true }));
        }"""
    )
    page.get_by_text("opened: dropped.txt", exact=False).wait_for()
    assert "b'\\xc3\\xbcber'" in page.get_by_text("opened: dropped.txt", exact=False).inner_text()
