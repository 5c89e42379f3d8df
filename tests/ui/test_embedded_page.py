"""A page within another one: its own state, the real script, and nothing of it elsewhere."""

from __future__ import annotations

import pytest

from tests.support.pages import REPOSITORY, no_exception, open_page
from ui.generation.tree.session import Held
from ui.learn.embedded_page import read_address, read_view
from ui.state.link import encode


def test_an_embedded_page_changes_nothing_of_the_person_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMLOUPE_LESSONS", str(REPOSITORY / "tests" / "data" / "lessons"))
    step = {"lesson_file": "90_every_kind", "lesson_step": "4"}  # the last one, which shows a page at once
    app = no_exception(open_page("lessons", text="my own words", temperature="0.5", **step))
    assert app.text_area(key="text").value == "banana"
    app.text_area(key="text").set_value("my banana").run()
    assert app.text_area(key="text").value == "my banana"
    shared = app.session_state["shared_state"]
    assert (shared.values["text"], shared.embedded.values["text"]) == ("my own words", "my banana")
    assert shared.embedded.values["temperature"] == 1.0  # its settings are the address's and the defaults
    assert app.query_params["text"] in ("my own words", ["my own words"])
    app.switch_page("pages/text/tokens.py").run()
    assert no_exception(app).text_area(key="text").value == "my own words"


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("/nowhere?text=a", "no page has the address /nowhere"),
        ("/tokens?txet=a", "no setting has the name txet"),
        ("/next_token?temperature=hot", "the setting temperature is not allowed: it must be"),
    ],
)
def test_an_address_says_what_is_wrong_with_it(address: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_address(address)


def test_an_old_address_and_a_whole_link_are_read() -> None:
    read = read_address("https://loupe.example/score?text=a+b&temperature=0.5")
    assert (read.page.url, read.values) == ("surprise", {"text": "a b", "temperature": 0.5})


def test_a_page_that_shows_pages_links_to_them_within_another_and_frames_are_not_shown_at_all() -> None:
    lesson = {"lesson_file": "15_two_levels_of_code", "lesson_step": "5"}  # its view is Diagnose, which shows a page
    app = no_exception(open_page("lessons", **lesson))
    assert any(link.proto.label.startswith("Open ") for link in app.get("page_link"))
    for address in ("/class?class_code=BCDFGH", "/lessons", "/start"):
        with pytest.raises(ValueError, match="cannot be shown within another one"):
            read_view(address)


@pytest.mark.model
@pytest.mark.usefixtures("embedded_engine")
def test_a_generation_in_a_lesson_leaves_the_person_s_own_tree_alone() -> None:
    own = Held()
    link = encode({"lesson_file": "12_reading_and_writing", "guesses": {"12_reading_and_writing": {"0": "8"}}}).params
    app = no_exception(open_page("lessons", session={"tree_generate": own}, **link))
    assert app.session_state["tree_generate"] is own
    assert own.branch is None
    shown_for, inner = app.session_state["tree_generate_within"]
    assert shown_for == "12_reading_and_writing 0"
    assert inner.ground.sampling.temperature == 0


def test_a_page_that_shows_another_one_shows_a_link_to_it_within_a_lesson() -> None:
    app = no_exception(open_page("lessons", lesson_file="15_two_levels_of_code", lesson_step="5"))
    assert "Open Two levels of API" in [one.proto.label for one in app.get("page_link")]
