"""The rooms: none too full, no module too long, tests where their subject is. Who imports whom is import-linter's."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from ui.pages import PAGES

ROOT = Path(__file__).parents[2]
MOST_LINES = 300
MOST_MODULES = 12
CODE = ("inspect", "ui", "pages")


def modules(*folders: str) -> list[Path]:
    found = [
        path
        for folder in folders
        for suffix in ("py", "js")
        for path in sorted((ROOT / folder).rglob(f"*.{suffix}"))
        if "node_modules" not in path.parts
    ]
    assert found, folders
    return found


def test_no_module_is_over_300_lines() -> None:
    long = {
        path.relative_to(ROOT).as_posix(): n
        for path in modules(*CODE)
        if (n := path.read_text("utf-8").count("\n")) > MOST_LINES
    }
    assert long == {}


def test_no_folder_has_over_12_modules() -> None:
    of_folder = Counter(
        path.parent.relative_to(ROOT).as_posix() for path in modules(*CODE) if path.name != "__init__.py"
    )
    assert {folder: n for folder, n in of_folder.items() if n > MOST_MODULES} == {}


def test_the_packages_of_the_library_are_empty_inside() -> None:
    # Child processes start with `python -m` in them, and `import lmloupe` must stay light.
    library = ROOT / "inspect" / "lmloupe"
    full = [path for path in library.rglob("__init__.py") if path.parent != library and path.read_text("utf-8").strip()]
    # The package that loads torch tells OpenMP before torch is there how threads wait.
    assert [path.parent.name for path in full] == ["model"]


def test_every_room_of_the_library_has_its_room_of_tests() -> None:
    source = ROOT / "inspect" / "lmloupe"
    rooms = {path.relative_to(source).parts[0] for path in source.rglob("*.py") if path.parent != source}
    assert {path.parent.name for path in (ROOT / "tests" / "lmloupe").glob("*/test_*.py")} == rooms


def test_no_test_module_imports_another() -> None:
    # A fixture or a cache of one module would be there twice, and one file could not be moved without the other.
    wrong = [
        f"{path.relative_to(ROOT).as_posix()}: {found[0]}"
        for path in modules("tests")
        for found in re.finditer(
            r"^\s*(?:from|import) (?:\.|tests(?!\.support\b)).*", path.read_text("utf-8"), re.MULTILINE
        )
    ]
    assert wrong == []


def test_the_table_of_pages_has_every_script_once() -> None:
    scripts = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "pages").rglob("*.py"))
    assert sorted(page.path for page in PAGES) == scripts
    assert len({page.url for page in PAGES}) == len(PAGES) == len({page.title for page in PAGES})
    for page in PAGES:
        # Folders are the sections of the navigation, files are called as the pages are.
        folder, name = Path(page.path).parts[1:]
        assert (folder, name) == (page.section.lower(), page.title.lower().replace(",", "").replace(" ", "_") + ".py")
