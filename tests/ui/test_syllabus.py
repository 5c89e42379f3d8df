"""The syllabus: what docs/syllabus.md names exists, and no lesson and no page is forgotten in it."""

from __future__ import annotations

import re

import pytest

from tests.support.pages import REPOSITORY
from ui.learn.lessons.lesson import Lesson
from ui.learn.lessons.shelf import FOLDER
from ui.learn.lessons.shelf import lesson as on_the_shelf
from ui.pages import PAGES

DOCS = (REPOSITORY / "docs" / "syllabus.md").read_text("utf-8")
OURS = sorted(file.stem for file in FOLDER.glob("*.md"))
ABOUT_LEARNING = {"start", "lessons", "class", "words"}
"""Pages that lead to lessons, so that none leads to them."""
LINES = {
    "What a tokenizer is",
    "How a word is cut: coconut, and merges",
    "Why Burmese costs more than English",
    "Special tokens",
    "Chat templates",
    "The generation prompt",
    "The embedding layer: one, then N blocks",
    "Tensors: shape, dtype, device",
    "The causal LM",
    "The masked LM",
    "Sampling: temperature, top-p",
    "Prefill and decode",
    "nf4",
    "Why float32 of SmolLM2 is multiplied out from a published 4-bit file",
    "The memory rule of thumb: parameters x bytes, and the KV cache",
    "Pipeline against tokenizer + model",
}
"""The lines of the course that must be taught."""


def lesson(key: str) -> Lesson:
    found = on_the_shelf(key)
    assert found is not None, f"no lesson is named {key}"
    return found


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under a heading, without its two first lines."""
    part = DOCS.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


TAUGHT = rows("The lines of the course")


def test_every_line_of_the_course_is_taught() -> None:
    assert {row[0] for row in TAUGHT} >= LINES


@pytest.mark.parametrize("row", TAUGHT, ids=lambda row: row[0][:30] + " " + row[2][:2])
def test_a_line_is_taught_where_the_table_says(row: list[str]) -> None:
    _, link, step, page = row
    key, path = re.fullmatch(r"\[(\w+)\]\(\.\./lessons/(\w+)\.md\)", link).groups()  # type: ignore[union-attr]
    number, title = step.split(". ", 1)
    shown = lesson(key).steps[int(number) - 1]
    assert (path, title) == (key, shown.title)
    assert shown.view is not None
    assert shown.view.page.title == page


def test_no_lesson_is_forgotten() -> None:
    assert {re.search(r"\w+", row[1])[0] for row in TAUGHT} == set(OURS)  # type: ignore[index]


def test_every_page_is_met_in_the_lessons_that_the_table_names() -> None:
    listed = {page: re.findall(r"\[(\w+)\]\([^)]*\) ([0-9, ]+)", lessons) for page, lessons in rows("The pages")}
    assert list(listed) == [page.title for page in PAGES]
    for page in PAGES:
        met = []
        for key in OURS:
            steps = [
                str(i)
                for i, step in enumerate(lesson(key).steps, 1)
                if (step.view is not None and step.view.page is page) or f"](/{page.url})" in step.prose + step.why
            ]
            met += [(key, ", ".join(steps))] if steps else []
        assert listed[page.title] == met
        assert bool(met) is (page.url not in ABOUT_LEARNING)


def test_every_page_that_a_lesson_links_to_exists() -> None:
    for key in OURS:
        for step in lesson(key).steps:
            for url in re.findall(r"\]\(/(\w*)\)", step.prose + step.why):
                assert url in {page.url for page in PAGES}
