"""The token view as a person meets it, in Chromium."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lmloupe.encodings.encoding import encode
from lmloupe.loading.tokenizer import load_tokenizer
from tests.support.apps.token_view_cases import MARKUP, NAMES, SAMPLE, TEXTS
from tests.support.browser import serve, settled, watched
from ui.base import theme

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

APP = Path(__file__).parents[1] / "support" / "apps" / "token_view_app.py"


@pytest.fixture(scope="module")
def url(browser) -> Iterator[str]:
    with serve(APP) as address:
        yield address


@pytest.fixture
def show(context, url) -> Iterator[Callable[..., Page]]:
    """Open a case of the app and wait until it is drawn; a script error on the page fails the test."""

    def open_case(case: str, *, scheme: str = "light", width: int = 1280, **query: object) -> Page:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(url + "/?" + "&".join(f"{k}={v}" for k, v in {"case": case, **query}.items()))
        page.locator(".view[data-version]").wait_for(timeout=120_000)  # a million tokens take a moment to encode
        return page

    with watched(context) as page:
        yield open_case


def flow(page, number: int = 0):
    return page.locator(".flow").nth(number)


def token(page, index: int, row: int = 0):
    """Token ``index`` of a row in the order of the ids."""
    return flow(page, row).locator(".t").nth(index)


def texts(locator) -> list[str]:
    return locator.evaluate_all("nodes => nodes.map(node => node.textContent)")


def facts(page) -> dict[str, str]:
    """The tooltip's terms and values."""
    tooltip = page.locator(".tooltip")
    tooltip.wait_for(state="visible")
    return dict(zip(texts(tooltip.locator("dt")), texts(tooltip.locator("dd")), strict=True))


def rgb(colour: str) -> str:
    """A colour of the theme as the browser computes it."""
    return f"rgb{tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))}"


def has_focus(locator) -> bool:
    return locator.evaluate("node => node.getRootNode().activeElement === node")


def test_each_row_shows_the_tokens_of_its_tokenizer(show):
    page = show("sample")
    assert texts(page.locator(".name")) == list(NAMES.values())
    for row, key in enumerate(NAMES):
        tokens = encode(load_tokenizer(key), SAMPLE).tokens
        nodes = flow(page, row).locator(".t")
        assert nodes.count() == len(tokens)
        parts = nodes.evaluate_all("nodes => nodes.map(node => node.classList.contains('part'))")
        for shown, token_, part in zip(texts(nodes), tokens, parts, strict=True):
            if part:
                assert shown == token_.bytes.hex(" ")
            elif token_.is_special:
                assert shown == token_.piece
            else:  # a lone mark sits on a circle, a lone line end has its sign
                assert shown.replace("◌", "").replace("⏎", "") == token_.text
        assert page.locator(".facts").nth(row).text_content().startswith(f"{len(tokens)} tokens · ")
    assert "\ufffd" not in page.locator(".view").text_content()


def test_hover_tells_id_bytes_and_offsets_and_marks_the_same_characters(show):
    page = show("sample")
    ours = encode(load_tokenizer("llama-3.1"), SAMPLE)
    place = next(i for i, t in enumerate(ours.tokens) if t.text == " coconut")
    token(page, place).hover()
    told = facts(page)
    assert told["id"] == str(ours.input_ids[place])
    assert told["piece"] == "Ġcoconut"
    assert told["bytes"].startswith("20 63 6f 63 6f 6e 75 74")
    assert told["characters"] == "2–9"
    assert "special" not in told
    # Other rows say what they have there, and nothing covers them.
    phi = [(t.text.replace(" ", "␣"), t.id) for t in encode(load_tokenizer("phi-3"), SAMPLE).tokens[1:4]]
    said = "3 tokens here: " + " · ".join(f"{text} {token_id}" for text, token_id in phi)
    assert page.locator(".heading").nth(1).locator(".elsewhere").inner_text() == said
    head, strip = page.locator(".heading").first.bounding_box(), page.locator(".tooltip").bounding_box()
    assert head["y"] <= strip["y"]
    assert strip["y"] + strip["height"] <= head["y"] + head["height"] + 1
    for row, key in enumerate(NAMES):
        same = {i for i, t in enumerate(encode(load_tokenizer(key), SAMPLE).tokens) if t.start < 9 and t.end > 1}
        lit = (
            flow(page, row)
            .locator(".t")
            .evaluate_all("nodes => nodes.flatMap((node, i) => node.classList.contains('same') ? [i] : [])")
        )
        assert set(lit) == same
    page.locator(".heading .name").first.hover()
    page.locator(".tooltip").wait_for(state="hidden")
    assert page.locator(".elsewhere").count() == 0
    assert page.locator(".same").count() == 0


def test_offsets_after_an_emoji_count_characters(show):
    # JavaScript counts an emoji as two: everything after it would be one off.
    page = show("sample")
    ours = encode(load_tokenizer("llama-3.1"), SAMPLE)
    place = next(i for i, t in enumerate(ours.tokens) if t.text == " said")
    assert token(page, place).text_content() == " said"
    token(page, place).hover()
    start = SAMPLE.index(" said")
    assert facts(page)["characters"] == f"{start + 1}–{start + 5}"


def test_a_split_emoji_is_drawn_once_over_its_parts(show):
    page = show("emoji")
    group = flow(page).locator(".group")
    assert group.count() == 1
    assert group.locator(".whole").text_content() == " 🤚"
    assert texts(group.locator(".part")) == ["20 f0 9f", "a4", "9a"]
    group.locator(".part").nth(1).hover()
    told = facts(page)
    assert (told["id"], told["bytes"], told["characters"]) == ("97", "a4", "3")
    assert told["holds"] == "part of 🤚  =  20 f0 9f | a4 | 9a"
    # The character itself answers as well, as its first part.
    group.locator(".whole").hover()
    assert facts(page)["bytes"] == "20 f0 9f"


def test_markup_stays_text_and_runs_nothing(show):
    page = show("markup")
    assert "".join(texts(flow(page).locator(".t"))) == MARKUP
    view = page.locator(".view")
    assert view.locator("img, script, iframe, b").count() == 0
    token(page, 0).hover()
    assert facts(page)["id"]
    page.wait_for_timeout(200)
    assert page.title() != "broken"


def test_special_tokens_differ_from_text_that_spells_them(show):
    page = show("special")
    assert texts(flow(page, 0).locator(".special")) == ["<|begin_of_text|>", "<|eot_id|>"]
    assert flow(page, 1).locator(".special").count() == 0
    assert "".join(texts(flow(page, 1).locator(".t"))) == "<|eot_id|>"
    assert token(page, 0).evaluate("node => getComputedStyle(node).borderTopStyle") == "solid"
    token(page, 0).hover()
    told = facts(page)
    assert (told["special"], told["characters"]) == ("yes", "none: the tokenizer added it")
    assert flow(page, 1).locator(".same").count() == 0
    token(page, 1).hover()
    assert facts(page)["characters"] == "1–10"
    assert flow(page, 1).locator(".same").count() == 7


def test_control_characters_and_white_space_become_visible(show):
    page = show("controls")
    assert flow(page).inner_text().replace("\n", "").startswith("a␀b␇c")
    symbols = texts(flow(page).locator(".symbol"))
    assert symbols[:2] == ["␀", "␇"]
    assert {"U+202E", "U+200B"} <= set(symbols)
    show("sample")
    assert page.locator(".space").count() == 0
    page.get_by_text("Show white space").click()
    page.locator(".space").first.wait_for()
    signs = flow(page).locator(".space").evaluate_all("nodes => nodes.map(node => node.dataset.sign)")
    assert set(signs) == {"·"}
    assert "→" in texts(flow(page).locator(".mark"))
    # What can be copied is still the text.
    assert " coconut" in texts(flow(page).locator(".t"))


def test_lines_break_where_the_text_does(show):
    page = show("sample")
    top = "node => node.getBoundingClientRect().top"
    tokens = encode(load_tokenizer("llama-3.1"), SAMPLE).tokens
    before = next(i for i, t in enumerate(tokens) if t.text == "def")
    assert token(page, before).evaluate(top) > token(page, before - 1).evaluate(top)
    assert token(page, before + 1).evaluate(top) == token(page, before).evaluate(top)


def test_right_to_left_text_keeps_its_order_and_its_english(show):
    page = show("arabic")
    box = "node => { const r = node.getBoundingClientRect(); return (r.left + r.right) / 2; }"
    tokens = encode(load_tokenizer("llama-3.1"), "مرحبا بالعالم hello world مرحبا").tokens
    middle = [token(page, i).evaluate(box) for i in range(len(tokens))]
    hello = next(i for i, t in enumerate(tokens) if "hello" in t.text)
    assert middle[0] > middle[hello - 2] > middle[hello]  # Arabic runs to the left ...
    assert middle[hello] < middle[hello + 1]  # ... and English within it to the right
    assert middle[-1] < middle[hello]
    # Joined letters: no token of Arabic is a box of its own.
    assert token(page, 0).evaluate("node => getComputedStyle(node).display") == "inline"


def test_the_keyboard_goes_from_token_to_token(show):
    page = show("sample")
    token(page, 0).focus()
    assert flow(page).locator("[tabindex='0']").count() == 1
    page.keyboard.press("ArrowRight")
    assert has_focus(token(page, 1))
    assert facts(page)["piece"] == "Ġcoconut"
    label = token(page, 1).get_attribute("aria-label")
    assert label.startswith(f" coconut, id {encode(load_tokenizer('llama-3.1'), SAMPLE).input_ids[1]}, ")
    assert "characters 2–9" in label
    assert token(page, 1).get_attribute("aria-posinset") == "2"
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.shadowRoot.activeElement.textContent") == " co"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("End")
    assert has_focus(flow(page).locator(".t").last)
    page.keyboard.press("Home")
    assert has_focus(token(page, 0))
    assert flow(page).locator("[tabindex='0']").count() == 1
    page.keyboard.press("Escape")
    assert not has_focus(token(page, 0))
    page.locator(".tooltip").wait_for(state="hidden")


def test_rows_are_lists_and_tab_meets_a_name_at_once(show):
    page = show("sample")
    rows = page.get_by_role("list", name="Arrow keys go from token to token")
    assert rows.count() == len(NAMES)
    ours = encode(load_tokenizer("llama-3.1"), SAMPLE)
    assert rows.first.get_by_role("listitem").count() == len(ours)
    named = page.locator(".t[aria-label]")
    assert named.count() == len(NAMES), "100,000 names would cost more than the drawing"
    first = ours.token(0)
    assert named.first.get_attribute("aria-label").startswith(f"{first.text}, id {first.id}, piece {first.piece}")
    assert named.first.get_attribute("tabindex") == "0"


def test_tokens_are_large_and_no_text_is_small(show):
    page = show("sample", show="both")
    size = "nodes => nodes.map(node => parseFloat(getComputedStyle(node).fontSize))"
    assert set(flow(page).locator(".box").evaluate_all(size)) == {20}
    assert min(page.locator(".view *").evaluate_all(size)) >= 12
    boxes = (
        flow(page)
        .locator(".box, .part")
        .evaluate_all(
            "nodes => nodes.map(node => node.getBoundingClientRect()).map(({ width, height }) => [width, height])"
        )
    )
    assert min(map(min, boxes)) >= 24, "a finger meets every token"


def test_two_tints_part_neighbours_and_the_rainbow_is_for_ids(show):
    page = show("arabic", scheme="dark")
    names = "nodes => nodes.map(node => node.className.match(/tint\\d|c\\d/)[0])"
    assert flow(page).locator(".t").evaluate_all(names)[:4] == ["tint1", "tint2", "tint1", "tint2"]
    page = show("again", colour="id")
    assert all(name[0] == "c" for name in flow(page).locator(".t").evaluate_all(names))


def test_what_no_token_covers_is_struck_through_in_its_place(show):
    page = show("removed")
    removed = [
        TEXTS["removed"][start:end] for start, end in encode(load_tokenizer("smollm2"), TEXTS["removed"]).removed
    ]
    assert removed == ["\x16", "\x16"]
    assert texts(page.locator(".removed")) == ["␖", "␖"]
    assert flow(page).inner_text() == "ab␖c␖"
    colour = page.locator(".removed").first.evaluate("node => getComputedStyle(node).backgroundColor")
    assert colour == rgb(theme.ORANGE_FILL[0])


def test_the_presenter_view_tells_on_a_card_at_the_right_edge(show):
    page = show("sample")
    page.evaluate("document.documentElement.dataset.present = ''")
    token(page, 1).hover()
    page.locator(".tooltip.card").wait_for()
    card, rows = page.locator(".tooltip.card").bounding_box(), page.locator(".rows").bounding_box()
    assert card["x"] >= rows["x"] + rows["width"], "beside the rows, not over them"
    assert facts(page)["piece"] == "Ġcoconut"
    page.evaluate("delete document.documentElement.dataset.present")
    token(page, 1).hover(position={"x": 3, "y": 3})
    token(page, 2).hover()
    assert page.locator(".tooltip.card").count() == 0


def test_a_click_returns_the_token_and_a_new_text_forgets_it(show):
    page = show("emoji", select=1)
    token(page, 2, row=0).click()
    page.get_by_text("selected: Selection(row=0, index=2)").wait_for()
    assert page.locator(".pinned").count() == 1
    page.get_by_label("Text").fill("another")
    page.get_by_label("Text").press("Control+Enter")
    page.get_by_text("selected: None").wait_for()
    assert page.locator(".pinned").count() == 0


def test_a_click_does_nothing_where_nobody_asked(show):
    page = show("emoji")
    token(page, 1).click()
    settled(page)
    page.get_by_text("selected: None").wait_for()
    assert has_focus(token(page, 1))


def test_a_run_with_the_same_content_leaves_the_view_alone(show):
    page = show("sample")
    token(page, 3).evaluate("node => { node.dataset.kept = 'yes'; }")
    token(page, 5).click()
    page.get_by_role("button", name="Run again").evaluate("node => node.click()")
    settled(page)
    assert token(page, 3).get_attribute("data-kept") == "yes"
    assert has_focus(token(page, 5))
    assert facts(page)["place"].startswith("6 of ")


def test_a_new_text_is_drawn_into_the_same_view(show):
    page = show("sample")
    page.get_by_label("Text").fill("Hello coconut")
    page.get_by_label("Text").press("Control+Enter")
    flow(page).get_by_text("Hello").wait_for()
    assert texts(flow(page).locator(".t")) == ["Hello", " coconut"]
    assert page.locator(".view").count() == 1


def test_roles_shade_and_notes(show):
    page = show("chat")
    assert texts(page.locator(".key")) == ["user", "assistant", "special"]
    assert flow(page).locator(".t.user").count() > 3
    assert "".join(texts(flow(page).locator(".t.assistant"))) == "A piece of text."
    show("fill")
    assert flow(page).locator(".t.plain").count() == 1
    colours = flow(page).locator(".t.fill").evaluate_all("nodes => nodes.map(n => getComputedStyle(n).backgroundColor)")
    assert len(set(colours)) == 5
    token(page, 5).hover()
    assert facts(page)[""] == "probability 0.8333333333333334"


def test_a_special_token_has_the_colour_of_its_role(show):
    page = show("mask")

    def colour(found) -> set[str]:
        # Neighbours of one role differ a little: those at even places are compared.
        return set(found.evaluate_all("nodes => nodes.map(n => getComputedStyle(n).backgroundColor)"))

    trained, untrained = flow(page).locator(".t.even.assistant"), flow(page).locator(".t.even.none")
    odd = flow(page).locator(".t.odd.assistant")
    ends = flow(page).locator(".t.special", has_text="<|end|>")
    assert ends.count() == 2
    assert colour(ends.nth(1)) <= colour(trained) | colour(odd), "the end of the assistant's turn trains"
    assert not colour(ends.nth(0)) & (colour(trained) | colour(odd))
    assert len(colour(trained)) == len(colour(untrained)) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_follow_the_theme(show, scheme):
    page = show("emoji", scheme=scheme)
    expected = theme.TINTS[1][scheme == "dark"]
    assert token(page, 1).evaluate("node => getComputedStyle(node).backgroundColor") == rgb(expected)


@pytest.mark.parametrize("case", ["sample", "unbroken", "markup", "chat"])
def test_nothing_scrolls_sideways_on_a_phone(show, case):
    page = show(case, width=360)
    rights = flow(page).locator(".t").evaluate_all("nodes => nodes.map(node => node.getBoundingClientRect().right)")
    assert max(rights) <= 360
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    token(page, 2).hover()
    assert page.locator(".tooltip").evaluate("node => node.getBoundingClientRect().right") <= 360


def test_an_empty_text_says_so(show):
    page = show("empty")
    assert page.locator(".facts").first.text_content() == "0 tokens"
    assert flow(page).text_content() == "no tokens"


def test_a_cut_is_told_in_the_heading(show):
    page = show("long", max=1000)
    assert page.locator(".facts").text_content().endswith("first 1,000 of 120,001 tokens shown")
    assert flow(page).locator(".t").count() == 1000


def test_ids_below_the_tokens_answer_to_each_other(show):
    page = show("sample", show="both")
    ours = encode(load_tokenizer("llama-3.1"), SAMPLE)
    for row, key in enumerate(NAMES):
        ids = encode(load_tokenizer(key), SAMPLE).input_ids.tolist()
        assert texts(page.locator(".below").nth(row).locator(".n")) == [str(i) for i in ids]
    place = next(i for i, t in enumerate(ours.tokens) if t.text == " coconut")
    number = page.locator(".below").first.locator(".n").nth(place)
    number.hover()
    assert facts(page)["piece"] == "Ġcoconut"
    assert "here" in token(page, place).get_attribute("class")
    assert texts(flow(page, 1).locator(".same")) == [" co", "con", "ut"]
    assert page.locator(".below").nth(1).locator(".same").count() == 3
    token(page, place + 1).hover()
    assert "here" not in number.get_attribute("class")
    assert "here" in page.locator(".below").first.locator(".n").nth(place + 1).get_attribute("class")
    assert page.locator(".below [tabindex]").count() == 0  # one way through by keyboard is enough


def test_ids_alone_take_the_tokens_place(show):
    page = show("sample", show="ids", select=1)
    ours = encode(load_tokenizer("llama-3.1"), SAMPLE)
    assert texts(flow(page).locator(".t")) == [str(i) for i in ours.input_ids.tolist()]
    token(page, 0).focus()
    page.keyboard.press("ArrowRight")
    assert facts(page)["piece"] == "Ġcoconut"
    page.keyboard.press("Enter")
    page.get_by_text("selected: Selection(row=0, index=1)").wait_for()
    assert token(page, 1).get_attribute("class").endswith("pinned")


def test_colour_by_id_and_by_length(show):
    page = show("again", colour="id")
    ids = encode(load_tokenizer("llama-3.1"), TEXTS["again"]).input_ids.tolist()
    colour = "nodes => nodes.map(node => getComputedStyle(node).backgroundColor)"
    colours = flow(page).locator(".t").evaluate_all(colour)
    of_id: dict[int, set[str]] = {}
    for token_id, shown in zip(ids, colours, strict=True):
        of_id.setdefault(token_id, set()).add(shown)
    assert all(len(shown) == 1 for shown in of_id.values())
    assert len(set(colours)) > 2
    edges = flow(page).locator(".t").evaluate_all("nodes => nodes.map(node => node.classList.contains('alike'))")
    assert edges[1:] == [a == b for a, b in pairwise(colours)]
    page = show("again", colour="length")
    sizes = [len(t.bytes) for t in encode(load_tokenizer("llama-3.1"), TEXTS["again"]).tokens]
    colours = flow(page).locator(".t").evaluate_all(colour)
    assert colours[0] != colours[1]
    assert len({c for size, c in zip(sizes, colours, strict=True) if size == 4}) == 1
    assert texts(page.locator(".legend .key")) == ["1", "2", "3", "4", "5–6", "7–8", "9–12", "13+"]


def test_the_picture_holds_the_tokens(show, tmp_path):
    page = show("sample", export=1, show="both")

    def saved(kind: str) -> bytes:
        with page.expect_download() as download:
            page.get_by_role("button", name=f"Save the picture as {kind}").click()
        assert download.value.suggested_filename == f"picture.{kind.lower()}"
        download.value.save_as(tmp_path / kind)
        return (tmp_path / kind).read_bytes()

    svg = ET.fromstring(saved("SVG").decode())  # noqa: S314 - our own
    drawn = [node.text for node in svg.iter("{http://www.w3.org/2000/svg}text")]
    for key in NAMES:
        encoding = encode(load_tokenizer(key), SAMPLE)
        for t, token_id in zip(encoding.tokens, encoding.input_ids.tolist(), strict=True):
            assert str(token_id) in drawn
            if t.text.strip().isascii() and t.text.strip() and "\n" not in t.text:
                assert t.text in drawn or t.text.strip() in drawn
    assert {"Llama 3.1", "🤚", "20 f0 9f"} <= {text.strip() for text in drawn}
    width, height = float(svg.get("width")), float(svg.get("height"))
    for rect in svg.iter("{http://www.w3.org/2000/svg}rect"):
        assert float(rect.get("x", 0)) + float(rect.get("width")) <= width
        assert float(rect.get("y", 0)) + float(rect.get("height")) <= height
    assert "color(" not in ET.tostring(svg).decode() and "oklab" not in ET.tostring(svg).decode()  # noqa: PT018
    png = saved("PNG")
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    size = int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")
    assert size == (pytest.approx(2 * width, abs=1), pytest.approx(2 * height, abs=1))
    assert len(png) > 50_000


def test_markup_in_a_picture_is_escaped(show, tmp_path):
    page = show("markup", export=1)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the picture as SVG").click()
    download.value.save_as(tmp_path / "picture.svg")
    svg = ET.fromstring((tmp_path / "picture.svg").read_text("utf-8"))  # noqa: S314 - our own
    assert {node.tag.split("}")[1] for node in svg.iter()} == {"svg", "title", "rect", "text"}
    assert any("<" in (node.text or "") for node in svg.iter())


def test_a_run_after_a_click_does_not_send_the_text_again(show):
    received: list[int] = []
    page = show("long", max=5000, select=1)
    page.on("websocket", lambda ws: ws.on("framereceived", lambda frame: received.append(len(frame))))
    page.reload()
    page.locator(".view[data-version]").wait_for()
    settled(page)
    first = sum(received)
    assert first > 50_000
    received.clear()
    token(page, 1).hover()
    token(page, 2).click()
    page.get_by_text("selected: Selection(row=0, index=2)").wait_for()
    settled(page)
    page.get_by_role("button", name="Run again").click()
    page.wait_for_timeout(300)
    settled(page)
    assert received, "the runs came through this connection"
    assert sum(received) < 10_000


def test_rows_of_a_given_height_scroll_inside(show):
    page = show("sample", height=200)
    rows = page.locator(".rows")
    assert rows.evaluate("node => node.getBoundingClientRect().height") == 200
    token(page, 0).focus()
    page.keyboard.press("End")
    assert rows.evaluate("node => node.scrollTop") > 0
    box, last = rows.bounding_box(), token(page, flow(page).locator(".t").count() - 1).bounding_box()
    assert box["y"] <= last["y"]
    assert last["y"] + last["height"] <= box["y"] + box["height"] + 1


def test_blocks_end_where_lines_end(show):
    page = show("lines")
    page.wait_for_function(
        """() => [...document.querySelectorAll('*')].some(
            host => host.shadowRoot?.querySelector('.flow')?.textContent.endsWith(', '))"""
    )
    ends = flow(page).locator(".block").evaluate_all("blocks => blocks.map(block => block.textContent.slice(-1))")
    counts = (
        flow(page).locator(".block").evaluate_all("blocks => blocks.map(block => block.querySelectorAll('.t').length)")
    )
    text_lines = TEXTS["lines"].count("\n")
    in_lines = sum(1 for t in encode(load_tokenizer("llama-3.1"), TEXTS["lines"]).tokens if t.end <= text_lines * 25)
    passed = 0
    for end, count in zip(ends, counts, strict=True):
        passed += count
        if passed <= in_lines:
            assert end == "\n"
            assert count < 500
    assert max(counts) == 2000


def drawn(page) -> int:
    return flow(page).locator(".t").count()


def middle_token(page) -> dict:
    """Place and text of the token in the middle of the screen, once there is one."""
    return page.wait_for_function(
        """() => {
            const host = [...document.querySelectorAll('*')].find((node) => node.shadowRoot?.querySelector('.flow'));
            const box = host.shadowRoot.querySelector('.flow').getBoundingClientRect();
            for (let y = innerHeight / 2; y < innerHeight; y += 9) {
              const node = host.shadowRoot.elementFromPoint(box.left + 100, y)?.closest('.t');
              if (node) return { place: node.place, text: node.textContent };
            }
        }"""
    ).json_value()


def test_a_hundred_thousand_tokens_and_a_million(show):
    page = show("long", max=200_000, select=1)
    assert drawn(page) <= 42_000, "of what no screen shows only a part is drawn"
    token(page, 1).hover()
    assert facts(page)["place"] == "2 of 120,001"
    page = show("million", max=1_000_000, select=1, export=1)
    assert page.locator(".facts").text_content().startswith("1,000,000 tokens")
    ours = encode(load_tokenizer("llama-3.1"), TEXTS["million"])
    # The rows are as high as all of their lines, and wherever one scrolls there are tokens.
    main = page.locator("[data-testid='stMain']")
    high = main.evaluate("node => node.scrollHeight")
    assert high > 500_000
    for share in (0.5, 0.9, 0.25):
        main.evaluate("(node, share) => node.scrollTo(0, node.scrollHeight * share)", share)
        page.wait_for_timeout(100)
        found = middle_token(page)
        assert found["text"] == ours.token(found["place"]).text
        assert found["place"] == pytest.approx(share * len(ours), abs=0.03 * len(ours))
    assert main.evaluate("node => node.scrollHeight") == pytest.approx(high, rel=0.05)
    flow(page).locator(".t").first.evaluate("node => node.focus()")
    page.keyboard.press("End")
    assert facts(page)["place"] == "1,000,000 of 1,000,000"
    for step in range(40):
        main.evaluate("(node, share) => node.scrollTo(0, node.scrollHeight * share)", step / 40)
        page.wait_for_timeout(40)
    assert drawn(page) <= 65_000, "what is far from the screen gives its elements back"
