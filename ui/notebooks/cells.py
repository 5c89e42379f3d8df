"""A notebook as Jupyter stores it (nbformat 4.5): plain JSON, so nothing has to be installed to write one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["Cell", "code", "notebook", "prose"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell, of Python or of Markdown."""

    kind: Literal["code", "markdown"]
    source: str


def code(source: str) -> Cell:
    """A cell of Python."""
    return Cell("code", source.strip("\n"))


def prose(source: str) -> Cell:
    """A cell of Markdown."""
    return Cell("markdown", source.strip("\n"))


def notebook(cells: Sequence[Cell]) -> bytes:
    """The cells as a file; empty ones are left out.

    >>> import json
    >>> json.loads(notebook([prose("# Hello"), code("1 + 1"), code("")]))["cells"][1]["source"]
    ['1 + 1']
    """
    written = [_written(number, cell) for number, cell in enumerate(cells) if cell.source.strip()]
    whole = {
        "cells": written,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return (json.dumps(whole, ensure_ascii=False, indent=1) + "\n").encode("utf-8")


def _written(number: int, cell: Cell) -> dict[str, object]:
    lines = cell.source.splitlines(keepends=True)
    common: dict[str, object] = {"cell_type": cell.kind, "id": f"cell-{number}", "metadata": {}, "source": lines}
    return common if cell.kind == "markdown" else common | {"execution_count": None, "outputs": []}
