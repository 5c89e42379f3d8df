"""The first cell of a notebook: the pinned versions and the library, installed where they are not there yet."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ui.notebooks.cells import Cell, code

__all__ = ["install_cell", "pinned"]

_ROOT = Path(__file__).parents[2]
_OF_THE_SCREEN = ("altair", "segno", "starlette", "streamlit")
_SHOWS_CHARTS = "nbformat"
"""plotly asks for it to draw a chart in a notebook."""

_CELL = '''
# The library, and the versions that the numbers come from. Does nothing where they are installed already.
import importlib.util
import pathlib
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

# Where LM Loupe comes from: a copy of its repository as a folder or a .zip, or "git+https://..." of one.
# Empty: the library that is installed, or the repository's folder that this notebook lies in.
SOURCE = ""
PINNED = """
{pins}
"""


def is_there(pin):
    name, _, wanted = pin.partition("==")
    try:
        return version(name).split("+")[0] == wanted
    except PackageNotFoundError:
        return False


here = pathlib.Path.cwd()
folder = next((str(one) for one in (here, *here.parents) if (one / "inspect" / "lmloupe").is_dir()), "")
missing = [pin for pin in PINNED.split() if not is_there(pin)]
if importlib.util.find_spec("lmloupe") is None:
    if not (SOURCE or folder):
        raise RuntimeError("Write into SOURCE, above, where LM Loupe's repository is: a folder, a .zip or git+https://")
    missing.append(SOURCE or folder)
if missing:
    print("Installing", *missing)
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *missing], check=True)
    print("Done. Restart the runtime (the kernel) once if it had used one of these before, then run all cells.")
'''
_WHOLE = """
if SOURCE.endswith(".zip"):
    import shutil

    shutil.unpack_archive(SOURCE, "lmloupe_repository")
    folder = str(next(pathlib.Path("lmloupe_repository").rglob("streamlit_app.py")).parent)
folder = folder or SOURCE
sys.path[:0] = [folder, str(pathlib.Path(folder) / "inspect")]  # what lessons ask is computed by the app's own code
"""


@cache
def pinned(*, whole: bool = False) -> tuple[str, ...]:
    """The pins of the requirements: those of the library and of charts; with ``whole`` those of the app as well."""
    lines = [*_lines("requirements.txt"), *(one for one in _lines("requirements-dev.txt") if _is(one, _SHOWS_CHARTS))]
    return tuple(one for one in lines if whole or not any(_is(one, name) for name in _OF_THE_SCREEN))


def install_cell(*, whole: bool = False) -> Cell:
    """The cell.

    Args:
        whole: for a notebook that uses the app's own modules too, so that it needs the repository's folder.
    """
    return code(_CELL.replace("{pins}", "\n".join(pinned(whole=whole))) + (_WHOLE if whole else ""))


def _lines(file: str) -> list[str]:
    lines = (_ROOT / file).read_text("utf-8").splitlines()
    return [line.strip() for line in lines if "==" in line and not line.startswith("#")]


def _is(pin: str, name: str) -> bool:
    return pin.partition("==")[0] == name
