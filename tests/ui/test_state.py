"""One state for all pages, in the session and in the link."""

from __future__ import annotations

import base64
import json
import threading
import zlib
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import expect
from streamlit.testing.v1 import AppTest

from tests.support.browser import press, serve, settled
from ui.state import link
from ui.state.session import Session
from ui.state.settings import MAX_TEXT_CHARACTERS, SETTINGS

APP = Path(__file__).parents[1] / "support" / "apps" / "state" / "app.py"
LIVE = Path(__file__).parents[1] / "support" / "apps" / "live_text_app.py"
DEFAULTS = {name: setting.default for name, setting in SETTINGS.items()}


def opened(**params: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=20)
    for name, value in params.items():
        app.query_params[name] = value
    return app.run()


def report(app: AppTest) -> dict[str, object]:
    assert not app.exception
    return dict(app.session_state["report"])


def address(app: AppTest) -> dict[str, str]:
    return {name: value[-1] if isinstance(value, list) else value for name, value in app.query_params.items()}


def packed(plain: bytes) -> str:
    packer = zlib.compressobj(9, wbits=-15)
    return base64.urlsafe_b64encode(packer.compress(plain) + packer.flush()).rstrip(b"=").decode()


def incompressible(length: int) -> str:
    rng = np.random.default_rng(1)
    return "".join(map(chr, rng.integers(0x4E00, 0x9FFF, length).tolist()))


# ---- the link by itself


def test_defaults_need_no_parameter_and_pass_their_own_checks():
    assert link.encode(DEFAULTS).params == {}
    for setting in SETTINGS.values():
        assert setting.check(setting.default) == setting.default
        assert setting.packed or setting.check(setting.parse(setting.format(setting.default))) == setting.default


VALUES = st.fixed_dictionaries(
    {},
    optional={
        "text": st.text(st.characters(exclude_categories=["Cs"]), max_size=2000),
        "tokenizers": st.lists(st.sampled_from(["qwen2", "phi-3", "some-org/tok_1.0"]), unique=True).map(tuple),
        "add_special_tokens": st.booleans(),
        "messages": st.lists(
            st.fixed_dictionaries({"role": st.sampled_from(["user", "tool"]), "content": st.text(max_size=50)})
        ).filter(lambda messages: not any("\ud800" <= c <= "\udfff" for m in messages for c in m["content"])),
        "tools": st.text(st.characters(exclude_categories=["Cs"]), max_size=50),
        "templates": st.dictionaries(st.sampled_from(["phi-3", "some-org/tok_1.0"]), st.sampled_from(["", "{{ 1 }}"])),
        "quantization": st.sampled_from(["none", "int8", "nf4", "fp4"]),
        "temperature": st.floats(0, 2),
        "top_k": st.integers(0, 1000),
        "seed": st.integers(0, 2**31 - 1),
    },
)


@settings(max_examples=200, deadline=None)
@given(VALUES)
def test_a_link_brings_back_what_went_into_it(values):
    made = link.encode(DEFAULTS | values)
    assert made.left_out == ()
    back, ignored = link.decode(made.params)
    assert ignored == {}
    assert DEFAULTS | back == DEFAULTS | values


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from([*SETTINGS, link.PACKED, "utm_source"]), st.text(max_size=40)))
def test_nothing_in_a_link_can_break_reading_it(params):
    values, ignored = link.decode(params)
    for name, value in values.items():
        assert SETTINGS[name].check(value) == value
    assert set(ignored) <= {*SETTINGS, link.PACKED}


def test_short_text_stays_readable_and_long_text_is_packed():
    assert link.encode(DEFAULTS | {"text": "Hello"}).params == {"text": "Hello"}
    made = link.encode(DEFAULTS | {"text": "Many words. " * 1000, "top_k": 5})
    assert set(made.params) == {"z", "top_k"}
    assert len(made.params["z"]) < 200


def test_what_is_too_long_for_a_link_is_left_out_alone():
    noise = incompressible(20_000)
    messages = [{"role": "user", "content": "hi"}]
    made = link.encode(DEFAULTS | {"text": noise, "messages": messages, "top_k": 5})
    assert made.left_out == ("text",)
    assert link.decode(made.params)[0] == {"messages": messages, "top_k": 5}


@pytest.mark.parametrize(
    ("name", "value", "because"),
    [
        ("temperature", "2.01", "from 0 to 2"),
        ("temperature", "nan", "number"),
        ("temperature", "1e999", "number"),
        ("temperature", "", "number"),
        ("top_k", "-1", "whole number"),
        ("top_k", "1.5", "whole number"),
        ("top_k", "９", "whole number"),
        ("seed", "9" * 5000, "whole number"),
        ("add_special_tokens", "yes", "1 (on) or 0 (off)"),
        ("quantization", "int4", "one of auto, none, int8"),
        ("tokenizers", "qwen2,unknown", "hub id"),
        ("tokenizers", "phi-3,//elsewhere/share", "hub id"),
        ("tokenizer", "\\\\elsewhere\\share", "a folder of the machine"),
        ("tokenizer", "/a\nb", "a folder of the machine"),
        ("card_of", "file:///tmp", "a folder of the machine"),
        ("tokenizers", ",".join(f"a/b{i}" for i in range(9)), "at most 8"),
        ("model", "//elsewhere/share", "hub id"),
        ("model", "\\\\elsewhere\\share", "hub id"),
        ("model", "no slash", "a folder of the machine"),
        ("model", "/" + "a" * 1000, "a folder of the machine"),
        ("model", "/a\nb", "a folder of the machine"),
        ("z", "not base64!", "damaged"),
        ("z", "AAAA", "damaged"),
        ("z", packed(b'{"text": "half')[:-4], "damaged"),
        ("z", packed(b"[1, 2]"), "damaged"),
        ("z", packed(b"[" * 100_000), "damaged"),
        ("z", packed(b'{"text": "' + b"a" * 20_000_000 + b'"}'), "unpacks to more than"),
        ("z", "A" * (link.MAX_PACKED_CHARACTERS + 1), "at most 32,000 characters"),
    ],
)
def test_a_bad_parameter_is_ignored_with_the_reason(name, value, because):
    values, ignored = link.decode({name: value})
    assert values == {}
    assert list(ignored) == [name]
    assert because in ignored[name]


@pytest.mark.parametrize(
    "content",
    [
        {"text": "\ud800"},
        {"text": 5},
        {"text": "a" * (MAX_TEXT_CHARACTERS + 1)},
        {"messages": "hi"},
        {"messages": [{"role": "root", "content": "hi"}]},
        {"messages": [["user", "hi"]]},
        {"messages": [{"role": "assistant", "content": "", "tool_calls": [{}] * 9}]},
        {"templates": {"no family": "{{ 1 }}"}},
        {"templates": ["{{ 1 }}"]},
        {"repository_files": [{"path": "a.py"}]},
        {"messages": [{"role": "user", "content": "hi"}] * 65},
        {"messages": [{"role": ["user"], "content": "hi"}]},
    ],
)
def test_what_was_packed_is_checked_too(content):
    values, ignored = link.decode({"z": packed(json.dumps(content).encode())})
    assert values == {}
    assert list(ignored) == list(content)


# ---- the pages, without a browser


def test_a_link_sets_the_widgets_and_stays_in_the_address_bar():
    app = opened(text="Hello", tokenizers="qwen2,phi-3", temperature="0.35")
    assert report(app)["text"] == app.text_area(key="text").value == "Hello"
    assert report(app)["tokenizers"] == ("qwen2", "phi-3")
    app.switch_page("second.py").run()
    assert report(app)["text"] == app.text_input(key="text").value == "Hello"
    assert report(app)["temperature"] == app.slider(key="temperature").value == 0.35
    assert address(app) == {"text": "Hello", "tokenizers": "qwen2,phi-3", "temperature": "0.35"}


def test_what_a_person_changes_goes_to_the_other_page_and_to_the_link_in_one_run():
    app = opened()
    assert address(app) == {}
    app.text_area(key="text").set_value("Ünïcode & more").run()
    assert address(app) == {"text": "Ünïcode & more"}
    app.switch_page("second.py").run()
    app.number_input(key="top_k").set_value(40).run()
    app.slider(key="temperature").set_value(0.5).run()
    assert report(app)["text"] == "Ünïcode & more"
    app.switch_page("first.py").run()
    assert report(app)["text"] == "Ünïcode & more"
    app.switch_page("second.py").run()
    assert (report(app)["top_k"], report(app)["temperature"]) == (40, 0.5)
    assert address(app) == {"text": "Ünïcode & more", "top_k": "40", "temperature": "0.5"}
    assert app.session_state["runs"] == 7


def test_going_back_to_the_default_clears_the_parameter():
    app = opened(add_special_tokens="1")
    app.toggle(key="add_special_tokens").set_value(False).run()
    assert address(app) == {}


def test_code_can_change_a_value_that_a_widget_shows():
    app = opened().switch_page("second.py").run()
    app.button[0].click().run()
    assert app.slider(key="temperature").value == report(app)["temperature"] == 0.25
    assert address(app) == {"temperature": "0.25"}


def test_bad_parameters_are_named_until_something_changes():
    app = opened(top_k="many", temperature="9", text="kept", utm_source="mail")
    assert [warning.value.split("`")[1] for warning in app.warning] == ["temperature", "top_k"]
    assert report(app)["text"] == "kept"
    assert address(app) == {"text": "kept"}
    app.text_area(key="text").set_value("changed").run()
    assert not app.warning


@pytest.mark.parametrize("name", SETTINGS)
def test_why_a_value_is_refused_fits_into_a_sentence(name: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - each check has words of its own
        SETTINGS[name].check(object())
    said = str(refused.value)
    assert said[0].islower(), "it goes on after a colon"
    assert said[-1].isalnum() or said[-1] in "\"')”]", "the page puts the full stop"


def test_a_hostile_name_or_value_never_reaches_the_page():
    app = opened(quantization="<iframe srcdoc='<script>1</script>'>", **{"<b>x</b>": "1"})
    shown = " ".join(warning.value for warning in app.warning)
    assert "quantization" in shown
    assert "<" not in shown


def test_a_range_that_shrinks_on_a_page_shows_the_nearest_value_and_forgets_nothing():
    app = opened(text="a long enough text", token_index="12").switch_page("second.py").run()  # noqa: S106
    assert report(app)["token_index"] == 12
    app.text_input(key="text").set_value("abc").run()
    assert report(app)["token_index"] == 3
    app.text_input(key="text").set_value("a long enough text").run()
    assert report(app)["token_index"] == 12


def test_the_server_checks_what_the_browser_would_have_limited():
    app = opened(text="good")
    app.text_area(key="text").set_value("x" * (MAX_TEXT_CHARACTERS + 1)).run()
    assert report(app)["text"] == "good"
    assert "was not taken over: it must be text of at most 2,000,000 characters" in app.error[0].value
    assert len(app.text_area(key="text").value) == MAX_TEXT_CHARACTERS + 1  # what was typed stays
    app.text_area(key="text").set_value("fine").run()
    assert report(app)["text"] == "fine"
    assert not app.error


def test_a_pushed_value_is_the_default_of_every_later_run_too():
    # A browser that sends a request before it has drawn the widget never sees the push; the next answer must hold it.
    app = opened(tokenizers="qwen2,smollm2", add_special_tokens="0").run()
    assert list(app.multiselect(key="tokenizers").proto.default) == [2, 4]
    assert app.text_area(key="text").proto.default == DEFAULTS["text"]
    assert app.toggle(key="add_special_tokens").proto.default is report(app)["add_special_tokens"]
    app = app.switch_page("second.py").run()
    app.slider(key="temperature").set_value(0.25).run()
    assert app.slider(key="temperature").proto.default == [0.25]
    assert app.selectbox(key="metric").proto.default == 0


def test_a_live_text_takes_the_link_and_what_code_puts():
    # No script runs here, so nobody types; a browser that says where it is gets the component.
    app = AppTest.from_file(LIVE, default_timeout=20)
    app.context = {"url": "http://localhost/"}
    app.query_params["text"] = "from the link"
    app.run()
    assert not app.exception
    assert not app.text_area
    assert app.code[0].value == "13 characters: 'from the link'"
    app.button[0].click().run()
    assert not app.exception
    assert app.code[0].value == "11 characters: 'put by code'"
    assert address(app) == {"text": "put by code"}
    box = app.session_state["shared_state"].boxes["text"]
    assert (box.text, box.pushed, box.seen) == ("put by code", "put by code", 0)


def test_a_text_too_long_for_a_link_stays_in_the_session_and_the_page_says_so():
    noise = incompressible(30_000)
    app = opened(top_k="7")
    app.text_area(key="text").set_value(noise).run()
    assert report(app)["text"] == noise
    assert address(app) == {"top_k": "7"}
    assert "does not carry the text" in app.caption[0].value
    app.switch_page("second.py").run()
    assert report(app)["text"] == noise


# ---- in the browser


@pytest.mark.browser
def test_text_survives_the_sidebar_the_link_and_the_back_button(page):
    def run_ended(number: int) -> None:
        page.get_by_text(f"runs: {number}", exact=True).wait_for()
        settled(page)

    def params() -> dict[str, list[str]]:
        return parse_qs(urlsplit(page.url).query)

    with serve(APP) as url:
        page.goto(url)
        run_ended(1)
        page.get_by_label("Text").fill("größer & 世界")
        page.keyboard.press("Control+Enter")
        run_ended(2)
        assert params() == {"text": ["größer & 世界"]}
        # Typed, but left for the other page with no Enter: a person's click, which takes a moment, commits it first.
        page.get_by_label("Text").fill("typed 世界")
        page.get_by_role("link", name="second").click(delay=80)
        page.get_by_role("heading", name="Second").wait_for()
        settled(page)
        expect(page.get_by_label("Text")).to_have_value("typed 世界")
        press(page.get_by_role("button", name="Cool"))
        page.wait_for_url("**temperature=0.25**")
        settled(page)
        assert page.get_by_test_id("stSliderThumbValue").first.inner_text() == "0.25"
        copied = page.url

        page.go_back()
        page.get_by_test_id("stSliderThumbValue").get_by_text("1.00").wait_for()
        settled(page)
        assert params() == {"text": ["typed 世界"]}

        fresh = page.context.browser.new_context()
        other = fresh.new_page()
        other.goto(copied)
        other.get_by_text("runs: 1", exact=True).wait_for()
        settled(other)
        assert other.get_by_role("heading", name="Second").is_visible()
        expect(other.get_by_label("Text")).to_have_value("typed 世界")
        assert other.get_by_test_id("stSliderThumbValue").first.inner_text() == "0.25"
        assert other.url == copied
        fresh.close()


def test_a_run_that_was_replaced_leaves_the_next_ones_link_alone() -> None:
    """Streamlit begins the next run of a page in a thread of its own, while the one before is still ending."""
    held, began, ends = Session(), threading.Event(), threading.Event()

    def earlier() -> None:
        held.thread = threading.get_ident()
        began.set()
        assert ends.wait(10)
        assert not held.in_step

    thread = threading.Thread(target=earlier)
    thread.start()
    assert began.wait(10)
    assert not held.in_step  # in a callback of the next run, which has taken nothing over yet
    held.thread = threading.get_ident()
    ends.set()
    thread.join(10)
    assert held.in_step
