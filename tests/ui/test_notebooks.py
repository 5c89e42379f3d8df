"""Notebooks: valid, with the page's own code, and they run as they are with the pinned versions."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.support.pages import no_exception, open_page
from ui.learn.lessons.shelf import shelf
from ui.learn.takeaway import lesson_notebook as lessons
from ui.notebooks.install import pinned
from ui.notebooks.page_notebook import page_notebook
from ui.notebooks.plots import PLOTS, plot_of
from ui.page import REPRODUCE
from ui.pages import PAGES

ROOT = Path(__file__).parents[2]
COMPARED = "text = 'a coconut'\nfirst, second = text.split(), list(text)\nprint(len(first), len(second))"


def read(data: bytes) -> Any:
    found = nbformat.reads(data.decode("utf-8"), as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(found)
    for cell in found.cells:
        if cell.cell_type == "code":
            ast.parse(cell.source)
    return found


def executed(notebook: Any, folder: Path) -> Any:
    """The same with what its cells print. The library's folder is where a person's notebook would lie in."""
    return NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": folder}}
    ).execute()


def printed(cell: Any) -> str:
    return "".join(one.get("text", "") for one in cell.outputs if one.output_type == "stream")


def test_a_page_offers_its_own_code_with_its_chart_and_the_chart_is_drawn() -> None:
    app = no_exception(open_page("compare"))
    [source] = [box.code[0].value for box in app.expander if box.label == REPRODUCE]
    assert app.get("download_button")
    notebook = read(page_notebook("compare", source, {"text": "a b"}))
    assert "`/compare?text=a+b`" in notebook.cells[0].source
    done = executed(notebook, ROOT)
    install, code, chart = done.cells[1], done.cells[2], done.cells[4]
    assert printed(install) == ""  # all is there: it does nothing
    assert code.source == source
    first, second = printed(code).split()[:2]
    [drawn] = [one.data["application/vnd.plotly.v1+json"] for one in chart.outputs if "data" in one]
    assert [str(value) for value in drawn["data"][0]["y"]] == [first, second]


def test_every_page_has_a_notebook_that_is_valid() -> None:
    for page in PAGES:
        read(page_notebook(page.url, COMPARED, {}))
    assert {page.url for page in PAGES} >= PLOTS.keys()
    long = page_notebook("tokens", 'text = open("text.txt", encoding="utf-8", newline="").read()', {}, "é" * 5000)
    assert "é" * 5000 in read(long).cells[2].source


def test_a_chart_is_left_out_where_the_code_has_not_what_it_draws() -> None:
    assert plot_of("compare", COMPARED)
    for url, plot in PLOTS.items():
        ast.parse(plot)
        assert plot_of(url, "print(1)") == ""


def test_the_pins_are_those_of_the_requirements() -> None:
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    assert {one for one in pinned(whole=True) if not one.startswith("nbformat")} == {
        one for one in lines if "==" in one
    }
    assert not [one for one in pinned() if one.startswith("streamlit")]


def test_a_lesson_is_a_notebook_and_the_answers_are_computed_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    lesson = next(one for one in shelf().lessons if one.key.startswith("01"))
    asked: list[list[str]] = []
    monkeypatch.setattr(lessons, "codes_of", lambda found: asked.append(list(found)) or ["print(1)"] * len(found))
    monkeypatch.setattr(lessons, "_made", {})
    notebook = read(lessons.lesson_notebook(lesson))
    assert len(asked[0]) == sum(step.view is not None for step in lesson.steps)
    sources = [cell.source for cell in notebook.cells]
    assert any(lesson.steps[0].question.ask in source for source in sources if lesson.steps[0].question)
    notebook.cells = [cell for cell in notebook.cells if cell.cell_type == "code"][:3]
    done = executed(notebook, ROOT)
    assert done.cells[2].outputs[0].data["text/plain"] == "(2,)"  # co|conut: Llama 3.1's cut


@pytest.mark.parametrize("name", ["chat_templates_and_loss_mask"])
def test_an_example_runs_as_it_is(name: str) -> None:
    done = executed(read((ROOT / "examples" / f"{name}.ipynb").read_bytes()), ROOT / "examples")
    assert "qwen2 drops" in "".join(printed(cell) for cell in done.cells if cell.cell_type == "code")


def test_the_examples_are_those_that_the_script_writes() -> None:
    for path in sorted((ROOT / "examples").glob("*.ipynb")):
        read(path.read_bytes())
        assert all(not cell.get("outputs") for cell in json.loads(path.read_text("utf-8"))["cells"])
    subprocess.run([sys.executable, str(ROOT / "scripts/build_examples.py"), "--check"], check=True)
