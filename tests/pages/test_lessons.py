"""Lessons as somebody plays them: a guess first, then the reveal; every lesson, with right and wrong guesses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.support.pages import REPOSITORY, no_exception, open_page
from ui.base.glossary.entries import find
from ui.learn.facts import Value
from ui.learn.lessons import player
from ui.learn.lessons.answers import answer_of, uncomputed
from ui.learn.lessons.judging import judge, refused, shown
from ui.learn.lessons.lesson import Lesson, Question
from ui.learn.lessons.shelf import FOLDER, VARIABLE, lesson, shelf
from ui.state.link import encode

OURS = sorted(file.stem for file in FOLDER.glob("*.md"))
SAMPLE = "90_every_kind"


@pytest.fixture(autouse=True)
def sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(REPOSITORY / "tests" / "data" / "lessons"))


@pytest.fixture
def no_views(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages within the lessons are left out: they take most of the time."""
    monkeypatch.setattr(player, "draw_page", lambda view, key: None)


def guess_for(question: Question, answer: Value, *, right: bool) -> str:
    """A guess that is right, or one that is not, as a person would write it."""
    if question.kind == "choice":
        return str(answer) if right else next(choice for choice in question.choices if choice != str(answer))
    if question.kind == "cut":
        assert isinstance(answer, tuple)
        return ",".join(map(str, answer)) if right else "" if answer else "1"
    if question.kind == "word":
        return f"“{str(answer).strip()}”" if right else "something else"
    assert isinstance(answer, int | float)
    number = float(answer) * (100 if question.unit == "%" else 1)
    return f"{number!r} {question.unit}" if right else repr(2 * number + 10)


def commit(app: AppTest, one: Lesson, index: int, guess: str) -> AppTest:
    """Guess on the screen."""
    question = one.steps[index].question
    assert question is not None
    key = f"{one.key}_{index}"
    if question.kind == "choice":
        app.button(key=f"{key}_choice_{question.choices.index(guess)}").click()
    else:
        app.text_input(key=f"{key}_line").set_value(guess)
        next(button for button in app.button if button.label == "That is my guess").click()
    return no_exception(app.run())


def plain(text: str) -> str:
    return text.replace("\\", "")


def play(key: str, *, right: bool) -> None:
    one = lesson(key)
    assert one is not None
    app = no_exception(open_page("lessons", lesson_file=key))
    asked = 0
    for index, step in enumerate(one.steps):
        assert app.button(key=f"step_{index}").proto.type == "primary"
        if step.question is not None:
            asked += 1
            assert plain(app.header[0].value) == step.title
            assert not [button for button in app.button if button.key == "next"]
            answer = answer_of(one, index)
            guess = guess_for(step.question, answer, right=right)
            assert refused(step.question, guess) == ""
            assert judge(step.question, guess, answer) is right
            commit(app, one, index, guess)
            said = plain(app.header[0].value)
            assert said.split(" ", 1)[1].startswith("Right: " if right else "Not quite: you ")
            assert " ".join(shown(step.question, answer).split()) in said
        else:
            assert plain(app.header[0].value) == step.title
        assert not app.error
        if right and step.view is not None:
            inner = app.session_state["shared_state"].embedded.values
            assert {name: inner[name] for name in step.view.values} == step.view.values
        no_exception(app.button(key="next").click().run())
    assert plain(app.header[0].value) == f"{asked if right else 0} of {asked} right"


def test_every_lesson_of_ours_is_read() -> None:
    found = shelf()
    assert found.mistakes == ()
    assert [one.key for one in found.lessons] == [*OURS, SAMPLE]


@pytest.mark.model
@pytest.mark.usefixtures("embedded_engine")
@pytest.mark.parametrize("key", OURS)
def test_a_lesson_of_ours_is_whole_and_everything_in_it_is_computed(key: str) -> None:
    one = lesson(key)
    assert one is not None
    assert uncomputed(one) == []
    assert one.minutes < 10
    assert [name for name in one.words if find(name) is None] == []
    assert one.steps[-1].question is None
    assert one.steps[-1].view is not None, "the last step is a task on a text of one's own"


@pytest.mark.model
@pytest.mark.usefixtures("embedded_engine")
@pytest.mark.parametrize("key", [*OURS, SAMPLE])
def test_a_lesson_is_played_with_right_guesses_and_every_page_in_it_is_drawn(key: str) -> None:
    play(key, right=True)


@pytest.mark.model
@pytest.mark.usefixtures("embedded_engine", "no_views")
@pytest.mark.parametrize("key", [*OURS, SAMPLE])
def test_a_lesson_is_played_with_wrong_guesses(key: str) -> None:
    play(key, right=False)


def test_nobody_sees_a_reveal_before_a_guess() -> None:
    for params in ({}, {"lesson_shown": "1"}, {"lesson_step": "1", "lesson_shown": "1"}):
        app = no_exception(open_page("lessons", lesson_file=SAMPLE, **params))
        assert app.session_state["shared_state"].embedded is None
        drawn = json.dumps([plain(str(node.value)) for node in (*app.header, *app.markdown)])
        assert "t is cut" not in drawn
        assert "Its second piece" not in drawn
        assert not [button for button in app.button if button.key == "next"]


@pytest.mark.usefixtures("no_views")
def test_a_guess_stays_and_can_be_taken_back() -> None:
    one = lesson(SAMPLE)
    assert one is not None
    app = no_exception(open_page("lessons", lesson_file=SAMPLE))
    commit(app, one, 0, "3")
    app.button(key="next").click().run()
    app.text_input(key=f"{SAMPLE}_1_line").set_value("many")
    next(button for button in app.button if button.label == "That is my guess").click().run()
    assert [plain(box.value) for box in app.error] == ["Write a number, such as 12 or 3.5."]
    assert plain(app.header[0].value) == "Count it"
    app.button(key="step_0").click().run()
    assert "you cut coc|onut" in plain(app.header[0].value)
    again = no_exception(open_page("lessons", **{name: str(app.query_params[name]) for name in app.query_params}))
    assert again.header[0].value == app.header[0].value
    app.button(key="guess_again").click().run()
    assert app.header[0].value == "Cut it"
    assert "guesses" not in app.session_state["shared_state"].link.params


@pytest.mark.usefixtures("no_views")
def test_guesses_of_a_lesson_that_was_another_do_no_harm() -> None:
    held = {SAMPLE: {"0": "99", "1": "many", "3": "no choice", "40": "x", "what": "y"}, "gone": {"0": "x"}}
    link = encode({"lesson_file": SAMPLE, "guesses": held}).params
    for at, heading in ((0, "Cut it"), (3, "Choose it"), (49, "None of the 4 questions is answered yet")):
        app = no_exception(open_page("lessons", **link, lesson_step=str(at)))
        assert app.header[0].value == heading
    app = no_exception(open_page("lessons", **link | {"lesson_file": "gone"}))
    assert plain(app.warning[0].value) == "There is no lesson gone here; these are all that there are."
    app.button(key=f"open_{SAMPLE}").click().run()
    assert app.header[0].value == "Cut it"


@pytest.mark.usefixtures("no_views")
def test_a_guess_is_no_markup() -> None:
    hostile = "<b>*x*</b> [y](z) $a$ :red[b]"
    link = encode({"lesson_file": SAMPLE, "lesson_step": 2, "guesses": {SAMPLE: {"2": hostile}}}).params
    app = no_exception(open_page("lessons", **link))
    assert r"\<b\>\*x\*\</b\> \[y\]\(z\) \$a\$ \:red\[b\]" in app.header[0].value.replace(r"\/", "/")
    app.button(key="step_end").click().run()
    assert r"\<b\>\*x\*" in "".join(node.value for node in app.markdown)


def test_the_list_says_where_one_is_and_what_a_teacher_has_to_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = REPOSITORY / "tests" / "data" / "lessons" / f"{SAMPLE}.md"
    (tmp_path / f"{SAMPLE}.md").write_text(sample.read_text("utf-8"), "utf-8")
    (tmp_path / "bad.md").write_text("# <b>\n", "utf-8")
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    app = no_exception(open_page("lessons", **encode({"guesses": {SAMPLE: {"0": "2,5"}}}).params))
    assert plain(app.warning[0].value).startswith("bad.md, line 1: a lesson begins with")
    assert plain(app.button(key="go_on").label) == "Go on with Every kind of question, 1 of 4 answered"
    app.button(key="go_on").click().run()
    assert app.header[0].value == "Count it"
