"""A page as a notebook: where it comes from, the install cell, the code beside the page, and its chart."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from ui.notebooks.cells import Cell, code, notebook, prose
from ui.notebooks.install import install_cell
from ui.notebooks.plots import plot_of
from ui.pages import page

__all__ = ["page_notebook", "text_cell"]

_UPLOADED = "upload:"
_MOST_SHOWN = 300


def page_notebook(url: str, source: str, params: Mapping[str, str], long_text: str = "") -> bytes:
    """The notebook.

    Args:
        url: the page's address.
        source: the code that it shows.
        params: the query parameters of the link to it as it is.
        long_text: the text that the code reads from the file text.txt; empty where it reads none.
    """
    shown = page(url)
    address = f"/{url}{f'?{urlencode(params)}' if params else ''}"
    address = address if len(address) <= _MOST_SHOWN else f"/{url} (its settings are too long to be shown here)"
    about = (
        f"# {shown.title}\n\n{shown.look_for}\n\nMade by LM Loupe from the page `{address}`: the code beside it, which "
        "gives the same numbers. Run the cells from the top; the model that comes by itself is fetched once."
    )
    if _UPLOADED in source or "load_tokenizer_file" in source or "load_chat_templates(" in source:
        about += "\n\nIt reads a file that was uploaded: put that file beside this notebook first."
    if 'open("ids.txt")' in source:
        about += "\n\nIt reads ids.txt: put the ids of the page's table into that file first."
    plot = plot_of(url, source)
    cells = [prose(about), install_cell(), *text_cell(source, long_text), code(source)]
    if plot:
        cells += [prose("The same as a chart."), code(plot)]
    return notebook(cells)


def text_cell(source: str, long_text: str) -> list[Cell]:
    """The cell that writes text.txt, where the code reads it."""
    if not long_text or "text.txt" not in source:
        return []
    return [
        code(
            "import pathlib\n\n# The text of the page\n"
            f'pathlib.Path("text.txt").write_text({long_text!r}, encoding="utf-8", newline="")'
        )
    ]
