"""A class in the app: a teacher and students in sessions of their own, what each sees, and what nobody can do."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.support.pages import no_exception, open_page, payload_of, sentences
from ui.learn.classes import shared
from ui.learn.classes.guesses.export import class_csv
from ui.learn.classes.shared import Keys
from ui.learn.classes.store.codes import LETTERS, new_secret
from ui.learn.classes.store.plan import Item, OwnQuestion
from ui.learn.classes.store.store import Store
from ui.state.link import encode

HOSTILE = "<b>*x*</b> :red[y] $z$ =1+1"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A store of its own, which all sessions of this process have."""
    opened = Store(tmp_path / "classes.sqlite3")
    monkeypatch.setattr(shared, "_store", lambda _path: opened)
    yield opened
    opened.close()


def own(kind: str, ask: str, **more: object) -> Item:
    return Item(own=OwnQuestion(kind, ask, **more))  # type: ignore[arg-type]


PLAN = (
    own("choice", "Which is larger?", choices=("One", "Two"), answer="Two"),
    own("number", "How many?", unit="tokens", answer="12"),
    own("word", f"Which word {HOSTILE}?", answer="Paris"),
    own("cut", "Where?", text="coconut", answer="2,5", view="/tokens?text=coconut&tokenizers=phi-3"),
)


def teacher_of(store: Store, plan: tuple[Item, ...] = PLAN, **more: object) -> tuple[AppTest, str, str]:
    """A session that leads a class, its code and its secret."""
    started = store.start(plan, **more)  # type: ignore[arg-type]
    keys = {"class_keys": {started.code: Keys(teacher=started.secret)}}
    return open_page("class", session=keys, class_code=started.code), started.code, started.secret


def student_of(code: str) -> AppTest:
    app = no_exception(open_page("class", class_code=code))
    return no_exception(app.button(key="join_class").click().run())


def headers(app: AppTest) -> list[str]:
    return [header.value.replace("\\", "") for header in app.header]


def said(app: AppTest) -> str:
    return "\n".join([sentences(app), *headers(app), *(one.value.replace("\\", "") for one in app.markdown)])


def test_a_class_from_its_start_to_its_end(store: Store) -> None:
    question = {"kind": "choice", "ask": "Which?", "choices": ["One", "Two"], "answer": "Two"}
    teacher = no_exception(open_page("class", **encode({"class_question": question}).params))
    no_exception(teacher.button(key="start_class").click().run())
    code = payload_of(teacher, "class_door")["code"]
    assert code in str(teacher.query_params["class_code"])
    assert [item.own.ask for item in store.look(code).plan if item.own] == ["Which?"]
    students = [student_of(code) for _ in range(2)]
    assert "You are in" in headers(students[0])[0]
    assert "2 students have joined" in said(no_exception(teacher.run()))
    no_exception(teacher.button(key="class_on").click().run())
    for student, i in zip(students, (1, 0), strict=True):
        no_exception(student.run())
        no_exception(student.button(key=f"class_{code}_0_choice_{i}").click().run())
    no_exception(teacher.button(key="class_on").click().run())
    assert headers(teacher) == ["1 of 2 is right: it is Two"]
    no_exception(teacher.button(key="class_on").click().run())
    assert "That was the last step: 1 of your 1 guess right" in said(no_exception(students[0].run()))
    no_exception(teacher.button(key="class_end").click().run())
    assert f"The class {code} has ended." in sentences(no_exception(students[1].run()))
    assert f"The class {code} has ended." in sentences(teacher)


def test_the_reveal_says_what_the_class_thought_and_what_is_right(store: Store) -> None:
    teacher, code, secret = teacher_of(store)
    students = [new_secret() for _ in range(3)]
    mine = student_of(code)
    for student in students:
        store.join(code, student)
    for position, (guesses, finding) in enumerate(
        [
            (("Two", "One", "Two"), "2 of 3 are right: it is Two"),
            (("12", "1,000", "7"), "1 of 3 is right: it is 12 tokens"),
            (("paris", "Paris ", HOSTILE), "2 of 3 are right: it is “Paris”"),
            (("2,5", "5,2", "4"), "2 of 3 are right: it is co|con|ut"),
        ]
    ):
        room = store.look(code)
        store.move(code, secret, 1, (room.position, room.phase))
        for student, guess in zip(students, guesses, strict=True):
            store.guess(code, student, position, guess)
        assert "3 guessed** · 1 still thinking" in said(no_exception(teacher.run()))
        no_exception(teacher.button(key="class_on").click().run())
        assert headers(teacher)[0] == finding
        no_exception(mine.run())
        assert f"The class: {finding}." in said(mine)
        # What a student wrote is no Markdown, and no chart's HTML.
        for app in (teacher, mine):
            assert all("<b>*x*" not in one.value for one in [*app.markdown, *app.header])
            assert all("<b>*x*" not in chart.proto.spec for chart in app.get("plotly_chart"))


def test_a_student_who_comes_back_is_the_same_and_who_comes_late_is_told(store: Store) -> None:
    _, code, secret = teacher_of(store)
    app = student_of(code)
    keys = app.session_state["class_keys"][code]
    assert keys.student not in str(dict(app.query_params))
    store.move(code, secret, 1, (-1, "lobby"))
    no_exception(app.run())
    again = no_exception(open_page("class", session={"class_keys": {code: Keys(keys.student)}}, class_code=code))
    no_exception(again.button(key=f"class_{code}_0_choice_1").click().run())
    assert "Your guess is in" in "".join(box.value for box in again.success)
    assert store.counts(code, 0).joined == 1
    store.set_open(code, secret, False)
    # The first screen still shows the open question.
    no_exception(app.button(key=f"class_{code}_0_choice_0").click().run())
    assert "This question is closed: your guess came too late." in sentences(app)
    assert store.guesses(code, 0) == ["Two"]
    store.end(code, secret)
    assert f"The class {code} has ended." in sentences(no_exception(app.run()))


def test_wrong_codes_are_one_sentence_and_stopped(store: Store) -> None:
    _, right, _ = teacher_of(store)
    app = open_page("class", class_code="hello")
    assert "“hello” is no code of a class: a code has 6 letters." in sentences(app)
    wrong = [code for code in (f"BCDFG{letter}" for letter in LETTERS) if code != right][:7]
    said_of_each = []
    for code in wrong:
        app.session_state["shared_state"].values["class_code"] = code
        for _ in range(2):  # the page runs again for another reason, which is no other try
            no_exception(app.run())
        said_of_each.append(sentences(app))
    assert all(f"No class has the code {code}" in one for code, one in zip(wrong[:6], said_of_each, strict=False))
    assert "Too many wrong codes: wait half a minute" in said_of_each[6]
    app.session_state["shared_state"].values["class_code"] = right
    assert "Too many wrong codes" in sentences(no_exception(app.run()))
    assert not [button for button in app.button if button.key == "join_class"]


def test_nobody_without_the_secret_leads_and_no_link_has_it(store: Store) -> None:
    teacher, code, secret = teacher_of(store, pins={"temperature": "0.5"})
    intruder = open_page("class", session={"class_keys": {code: Keys(teacher=new_secret())}}, class_code=code)
    assert "not that of this class" in sentences(no_exception(intruder))
    assert {"class_on", "class_end", "class_back"}.isdisjoint(button.key for button in intruder.button)
    no_exception(teacher.button(key="class_on").click().run())
    shared_state = teacher.session_state["shared_state"]
    links = [
        str(encode(shared_state.values).params),
        str(dict(teacher.query_params)),
        str(payload_of(teacher, "page_tools")),
    ]
    links += [str(link.proto) for link in teacher.get("page_link")]
    links += [payload_of(student_of(code), "class_keeper")["teacher"] or ""]
    rows = class_csv(store.look(code), store.rows(code, secret)).decode("utf-8-sig")
    assert secret not in "".join([*links, rows])
    assert secret in payload_of(teacher, "class_copy")["text"].partition("#")[2]


def test_the_pages_of_a_class_have_its_settings_and_those_of_its_lesson(store: Store) -> None:
    teacher, code, secret = teacher_of(store, PLAN[3:], pins={"show_whitespace": "1", "text": "not this"})
    student = student_of(code)
    for seen in ((-1, "lobby"), (0, "open")):
        store.move(code, secret, 1, seen)
    no_exception(student.run())
    inner = student.session_state["shared_state"].embedded
    assert inner.values["show_whitespace"] is True
    assert (inner.values["text"], inner.values["tokenizers"]) == ("coconut", ("phi-3",))
    assert student.session_state["shared_state"].values["show_whitespace"] is False
    assert no_exception(teacher.run()).session_state["shared_state"].embedded.values["show_whitespace"] is True


def test_at_their_own_pace_the_first_guess_stays(store: Store) -> None:
    _, code, _ = teacher_of(store, pace="own")
    app = student_of(code)
    no_exception(app.button(key=f"class_{code}_0_choice_0").click().run())
    assert "Not quite" in headers(app)[0]
    no_exception(app.button(key="own_next").click().run())
    app.text_input[0].set_value("twelve")
    no_exception(next(one for one in app.button if "guess" in one.label.lower()).click().run())
    assert "Write a number" in sentences(app)
    assert store.guesses(code, 1) == []
    assert store.guesses(code, 0) == ["One"]


def test_a_question_of_the_teachers_own_is_asked_now(store: Store) -> None:
    started = store.start(PLAN)
    asked = {"kind": "word", "ask": "What *now*?"}
    keys = {"class_keys": {started.code: Keys(teacher=started.secret)}}
    params = encode({"class_question": asked}).params
    app = no_exception(open_page("class", session=keys, class_code=started.code, **params))
    no_exception(app.button(key="class_ask_now").click().run())
    room = store.look(started.code)
    assert (room.position, room.phase, len(room.plan)) == (0, "open", len(PLAN) + 1)
    assert "What *now*?" in said(app)


def test_the_csv_has_every_guess_and_no_formula(store: Store) -> None:
    _, code, secret = teacher_of(store)
    student = new_secret()
    store.join(code, student)
    store.change(code, secret, pace="own")
    for position, guess in enumerate(("Two", "-3.5", '=HYPERLINK("http://x")', "2,5")):
        store.guess(code, student, position, guess)
    written = class_csv(store.look(code), store.rows(code, secret)).decode("utf-8-sig")
    head, *rows = csv.reader(io.StringIO(written))
    assert head[:6] == ["step", "lesson", "question", "student", "guess", "right"]
    assert [(row[3], row[4], row[5]) for row in rows] == [
        ("1", "Two", "yes"),
        ("1", "-3.5", "no"),
        ("1", '\'=HYPERLINK("http://x")', "no"),
        ("1", "2,5", "yes"),
    ]
