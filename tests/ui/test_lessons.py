"""Lessons: their files and each mistake's line, the facts that they name, and what counts as right."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.pages import REPOSITORY
from ui.base.errors import escape_markdown
from ui.learn.facts import FACTS, Fact, compute
from ui.learn.facts.calls import filled, mentions, read_fact
from ui.learn.facts.listing import with_list
from ui.learn.lessons import shelf as shelves
from ui.learn.lessons.answers import answer_of, uncomputed
from ui.learn.lessons.judging import judge, read_cuts, read_number, refused, shown
from ui.learn.lessons.lesson import Kind, LessonError, Question
from ui.learn.lessons.reading import read_lesson
from ui.learn.lessons.shelf import VARIABLE, shelf

SAMPLE = (REPOSITORY / "tests" / "data" / "lessons" / "90_every_kind.md").read_text("utf-8")
COUNT = Fact("token_count", (("tokenizer", "phi-3"), ("text", "coconut")))
few = settings(deadline=None, max_examples=50)
HEAD = "---\ntitle: T\nminutes: 5\nwords: []\nabout: A\n---\n"


def question(kind: Kind = "number", **more: object) -> Question:
    return Question(kind, "What?", COUNT, **more)  # type: ignore[arg-type]


def test_every_kind_of_question_is_read() -> None:
    lesson = read_lesson(SAMPLE, "90_every_kind.md")
    assert (lesson.key, lesson.minutes, lesson.words) == ("90_every_kind", 5, ("token", "tokenizer"))
    assert [step.question and step.question.kind for step in lesson.steps] == ["cut", "number", "word", "choice", None]
    cut, count, *_, task = lesson.steps
    assert cut.view is not None
    assert cut.view.values["text"] == "coconut"
    assert cut.why.startswith("Its second piece")
    assert SAMPLE.split("\n")[cut.line - 1] == "# Cut it"
    assert count.question is not None
    assert SAMPLE.split("\n")[count.question.line - 1].startswith("answer: token_count")
    assert (task.prose, task.why) == ("Write a word of your own.", "")
    assert [answer_of(lesson, i) for i in range(4)] == [(2, 5), 3, "con", "con"]


ASK = "kind: number\nask: How many?"
ANSWER = 'answer: token_count(tokenizer="phi-3", text="a")'


def step(block: str, rest: str = "") -> str:
    return f"{HEAD}# S\n```question\n{block}\n```\n{rest}"


MISTAKES = {
    "no head": ("# S\n", 1, "a lesson begins with its title"),
    "no end of the head": ("---\ntitle: T\n# S\n", 1, "a lesson begins with its title"),
    "no YAML": ("---\ntitle: [T\n---\n# S\n", 2, "the head is not YAML"),
    "a colon": ("---\ntitle: a: b\n---\n# S\n", 2, "put a text with a colon"),
    "twice": (HEAD.replace("about: A", "title: B") + "# S\n", 5, "has title twice"),
    "unknown": (HEAD.replace("about: A", "about: A\nauthor: B") + "# S\n", 6, "the head has author, but only title"),
    "missing": (HEAD.replace("about: A\n", "") + "# S\n", 2, "the head lacks about"),
    "minutes": (HEAD.replace("5", "five") + "# S\n", 3, "minutes must be a whole number"),
    "words": (HEAD.replace("[]", "token") + "# S\n", 4, "words must be a list such as"),
    "no mapping": ("---\n- title\n---\n# S\n", 2, "the head must be lines such as"),
    "lists in lists": (HEAD.replace("[]", "[" * 9000) + "# S\n", 4, "lists in lists"),
    "no character": (HEAD.replace("about: A", 'about: "\\UFFFFFFFF"') + "# S\n", 2, "the head is not YAML"),
    "half a character": (HEAD.replace("about: A", 'about: "\\uD800"') + "# S\n", 5, "half a surrogate pair"),
    "a control character": (HEAD + "# S\n\nA\0B\n", 9, "a control character"),
    "no end of a value": (HEAD + "# S\n\nIt is {{token_count(\n", 9, "{{ has no }}"),
    "many beginnings of values": (HEAD + "# S\n\n" + "{{" * 100_000 + "\n", 9, "{{ has no }}"),
    "a lesson in a lesson": (HEAD + "# S\n\n```view\n/lessons\n```\n", 10, "cannot be shown within another one"),
    "no step": (HEAD, 7, "a lesson needs at least one step"),
    "prose first": (HEAD + "\nHello\n# S\n", 8, "a step begins with a line such as"),
    "two headings": (HEAD + "# S\n\n## T\n", 9, "a step has one heading"),
    "no heading": (HEAD + "# \n", 7, "the heading of the step is empty"),
    "kind": (step(f"kind: guess\nask: A?\n{ANSWER}"), 9, "kind must be choice, number, word, cut, not guess"),
    "key of another kind": (step(f"{ASK}\ntext: abc\n{ANSWER}"), 11, "the question has text, but only"),
    "no choices": (
        step('kind: choice\nask: A?\nanswer: token_text(tokenizer="phi-3", text="a", place=1)'),
        9,
        "a choice",
    ),
    "one choice": (step(f"kind: choice\nask: A?\nchoices: [a]\n{ANSWER}"), 11, "two to six"),
    "within": (step(f"{ASK}\nwithin: 0.1\n{ANSWER}"), 11, "within must be percent"),
    "a cut without text": (
        step('kind: cut\nask: A?\nanswer: token_cuts(tokenizer="phi-3", text="ab")'),
        9,
        "needs text",
    ),
    "no fact": (step(f"{ASK}\nanswer: token_cuont(text=1)"), 11, "no fact has the name token_cuont"),
    "no call": (step(f"{ASK}\nanswer: 7"), 11, "7 is not a call such as"),
    "an attribute": (step(f'{ASK}\nanswer: os.system(command="ls")'), 11, "is not a call such as"),
    "an expression": (step(f"{ASK}\nanswer: token_count(tokenizer=str(1), text='a')"), 11, "must be a text in quotes"),
    "stars": (step(f"{ASK}\nanswer: token_count(**a)"), 11, "takes no arguments with"),
    "no name": (step(f"{ASK}\nanswer: token_count('phi-3')"), 11, "every argument of token_count needs its name"),
    "argument": (step(f"{ASK}\nanswer: token_count(tokenizer='phi-3', txt='a')"), 11, "token_count takes no txt"),
    "lacks": (step(f"{ASK}\nanswer: token_count(tokenizer='phi-3')"), 11, "token_count needs text"),
    "type": (step(f"{ASK}\nanswer: token_count(tokenizer='phi-3', text=1)"), 11, "text of token_count is 1, but"),
    "result": (step(f"kind: word\nask: A?\n{ANSWER}"), 11, "a word needs a text, which token_count does not give"),
    "nested": (step(f"{ASK}\nunit: [[a]]\n{ANSWER}"), 11, "unit must be a text or a list"),
    "value": (HEAD + "# S\nA\n{{nothing()}}\n", 9, "no fact has the name nothing"),
    "format": (HEAD + '# S\n{{token_count(tokenizer="phi-3", text="a"):999999d}}\n', 8, "is no format for token_count"),
    "value and code": (HEAD + '# S\n`a {{token_count(tokenizer="phi-3", text="a")}}`\n', 8, "must stand there alone"),
    "no page": (HEAD + "# S\n```view\n/nowhere\n```\n", 9, "no page has the address /nowhere"),
    "no setting": (HEAD + "# S\n```view\n/tokens?txet=a\n```\n", 9, "no setting has the name txet"),
    "two addresses": (HEAD + "# S\n```view\n/tokens\n/map\n```\n", 9, "a view is one address"),
    "open fence": (HEAD + "# S\n\n```view\n/tokens\n", 9, "the view has no end"),
    "open code": (HEAD + "# S\n\n```python\n/tokens\n", 8, "the code has no end"),
    "view first": (
        HEAD + f"# S\n```view\n/map\n```\n```question\n{ASK}\n{ANSWER}\n```\n",
        11,
        "after it at most one view",
    ),
    "between": (step(f"{ASK}\n{ANSWER}", "\nIt is 3.\n```view\n/map\n```\n"), 14, "would give the answer away"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_sentence_with_its_line(name: str) -> None:
    source, line, reason = MISTAKES[name]
    with pytest.raises(LessonError) as refusal:
        read_lesson(source, "my_lesson.md")
    said = str(refusal.value)
    assert said.startswith(f"my_lesson.md, line {line}: "), said
    assert reason in said
    assert said.endswith(".")
    assert "\n" not in said


@few
@given(st.text(max_size=60), st.integers(0, SAMPLE.count("\n")))
def test_any_file_is_a_lesson_or_one_sentence_with_a_line_of_it(noise: str, at: int) -> None:
    lines = SAMPLE.split("\n")
    source = "\n".join([*lines[:at], noise, *lines[at + 1 :]])
    try:
        lesson = read_lesson(source, "a.md")
    except LessonError as refusal:
        where, _, reason = str(refusal).partition(": ")
        number = int(where.removeprefix("a.md, line "))
        assert 1 <= number <= source.replace("\r\n", "\n").count("\n") + 1
        assert reason.count("\n") == 0
    else:
        assert all(step.title for step in lesson.steps)


TITLES = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=20)


@few
@given(st.lists(TITLES, min_size=1, max_size=5), TITLES)
def test_what_is_written_is_read(titles: list[str], about: str) -> None:
    quoted = about.replace("'", "''")
    steps = "".join(f"# {title}\nProse of `{i}`.\n" for i, title in enumerate(titles))
    lesson = read_lesson(HEAD.replace("about: A", f"about: '{quoted}'") + steps, "a.md")
    assert [step.title for step in lesson.steps] == titles
    assert [step.prose for step in lesson.steps] == [f"Prose of `{i}`." for i in range(len(titles))]
    assert lesson.about == about
    assert [step.line for step in lesson.steps] == [7 + 2 * i for i in range(len(titles))]


# Facts


@settings(deadline=None)
@given(st.text(max_size=40))
def test_no_text_becomes_a_fact_or_anything_else_but_a_sentence(source: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_fact(source)


@settings(deadline=None)
@given(st.text(max_size=30), st.sampled_from(["", "`"]))
def test_what_a_value_holds_is_never_markdown(text: str, tick: str) -> None:
    FACTS["echo"] = echo = lambda *, text: text
    echo.__annotations__ = {"text": str, "return": str}
    try:
        written = filled(f"a {tick}{{{{echo(text={text!r})}}}}{tick} b")
    finally:
        del FACTS["echo"]
    if not tick:
        assert written == f"a {escape_markdown(text)} b"
        return
    found = re.fullmatch(r"a (`+)(.*?[^`])\1 b", written, re.DOTALL)
    assert found is not None
    assert "\n" not in found[2]
    assert max((len(run) for run in re.findall("`+", found[2])), default=0) < len(found[1])
    assert found[2].strip(" ") == text.replace("\n", " ").strip(" ")


def test_values_in_fenced_code_are_left_alone() -> None:
    text = "a\n```jinja\n{{ message['content'] }}\n```\nb"
    assert list(mentions(text)) == []
    assert filled(text) == text


def test_the_docs_list_every_fact() -> None:
    docs = (REPOSITORY / "docs" / "lessons.md").read_text("utf-8")
    assert with_list(docs) == docs, "run: python scripts/check_lessons.py --write-facts"


# Guesses


@pytest.mark.parametrize(
    ("asked", "guess", "answer", "right"),
    [
        (question(), "1,024", 1024, True),
        (question(), "1 024 tokens", 1024, True),
        (question(), "1023", 1024, False),
        (question(within=0.1), "930", 1024, True),
        (question(within=0.1), "900", 1024, False),
        (question(unit="%"), "25 %", 0.25, True),
        (question(unit="%", within=0.1), "23", 0.25, True),
        (question(unit="%"), "0.25", 0.25, False),
        (question(), "many", 3, False),
        (question("word"), " “Paris” ", " Paris", True),
        (question("word"), "paris", "Paris", True),
        (question("word"), "Rome", "Paris", False),
        (question("word"), "“.”", ".", True),
        (question("word"), "'", '"', False),
        (question("word"), "", "", False),
        (question("choice", choices=("2", "3")), "3", 3, True),
        (question("cut", text="coconut"), "5, 2", (2, 5), True),
        (question("cut", text="coconut"), "2", (2, 5), False),
        (question("cut", text="the"), "", (), True),
    ],
)
def test_what_counts_as_right(asked: Question, guess: str, answer: object, right: bool) -> None:
    assert judge(asked, guess, answer) is right  # type: ignore[arg-type]


@settings(deadline=None)
@given(st.integers(-(10**9), 10**9))
def test_numbers_are_read_however_they_are_written(number: int) -> None:
    for written in (f"{number}", f"{number:,}", f"{number:,} tokens", f"about {number}", f" {number:,}\u00a0%"):
        assert read_number(written) == number, written


@settings(deadline=None)
@given(st.text(max_size=30))
def test_no_guess_is_too_odd_to_be_judged_and_shown(guess: str) -> None:
    answers = {"number": 3, "word": "con", "choice": "con", "cut": (2, 5)}
    for kind, answer in answers.items():
        asked = question(kind, text="coconut", choices=("con", "nut"))  # type: ignore[arg-type]
        judge(asked, guess, answer)
        assert isinstance(shown(asked, guess), str)
        if refused(asked, guess):
            assert not judge(asked, guess, answer)


@settings(deadline=None)
@given(st.sets(st.integers(1, 6)))
def test_cuts_are_read_as_they_are_kept_and_shown_in_the_text(cuts: set[int]) -> None:
    kept = ",".join(map(str, sorted(cuts)))
    assert read_cuts(kept, 7) == tuple(sorted(cuts))
    parts = shown(question("cut", text="coconut"), kept).split("|")
    assert "".join(parts) == "coconut"
    assert len(parts) == len(cuts) + 1


# The folder of a teacher


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    return tmp_path


def test_a_bad_file_is_a_sentence_and_the_others_load(folder: Path) -> None:
    (folder / "a.md").write_text(SAMPLE, "utf-8")
    (folder / "b.md").write_text(SAMPLE.replace("choices: [nut, con,", "choices: [nut, cat,"), "utf-8")
    (folder / "c.md").write_bytes(b"\xff\xfe")
    (folder / "d.md").mkdir()
    (folder / "d2.md").write_bytes(b" " * 600_000)
    os.mkfifo(folder / "d3.md")  # reading it would wait for ever
    (folder / "e.txt").write_text("no lesson", "utf-8")
    ours = len(list(shelves.FOLDER.glob("*.md")))
    found = shelf()
    assert [one.key for one in found.lessons][ours:] == ["a"]
    assert found.mistakes == (
        "b.md, line 45: the answer is con, which is not among the choices.",
        "c.md, line 1: it is not UTF-8 text.",
        "d.md, line 1: it cannot be read.",
        "d2.md, line 1: it has more than 500,000 bytes.",
        "d3.md, line 1: it cannot be read.",
    )


def test_a_file_is_read_again_only_when_it_has_changed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = folder / "a.md"
    file.write_text(SAMPLE, "utf-8")
    before = shelf().lessons[-1]
    assert shelf().lessons[-1] is before
    file.write_text(SAMPLE.replace("title: Every", "title: No"), "utf-8")
    os.utime(file, ns=(1, 1))
    assert shelf().lessons[-1].title == "No kind of question"
    monkeypatch.setattr(shelves, "FOLDER", folder)  # as if it were one of ours
    other = folder / "own"
    other.mkdir()
    (other / "a.md").write_text(SAMPLE.replace("title: Every", "title: My"), "utf-8")
    monkeypatch.setenv(VARIABLE, str(other))
    assert [one.title for one in shelf().lessons] == ["My kind of question"]
    monkeypatch.setenv(VARIABLE, str(folder / "nowhere"))
    assert shelf().mistakes == (f"{VARIABLE} names {folder / 'nowhere'}, which is not a folder that can be read.",)


def test_what_cannot_be_computed_is_named_with_its_line() -> None:
    source = SAMPLE.replace('text: coconut\nanswer: token_cuts(tokenizer="phi-3", text="coconut")', (
        'text: coc\nanswer: token_cuts(tokenizer="phi-3", text="coconut")'
    )).replace("place=2)}}", "place=9)}}")  # fmt: skip
    wrong = uncomputed(read_lesson(source, "a.md"))
    assert wrong == [
        "a.md, line 14: the cuts (2, 5) do not lie in coc; is it the same text?",
        "a.md, step from line 7, token_text: place is 9, but the text has 3 tokens.",
    ]
    assert compute(COUNT) == 3
