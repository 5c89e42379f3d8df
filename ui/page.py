"""What every page begins and ends with."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from functools import partial

import streamlit as st

from ui.base.errors import escape_markdown
from ui.base.glossary.entries import WORDS, explained, explained_label
from ui.cluster.address import cluster_address
from ui.notebooks.drawn import long_text, page_drawn
from ui.notebooks.page_notebook import page_notebook
from ui.pages import page
from ui.state import store as state
from ui.state.session import is_embedded

__all__ = ["as_code", "finding", "metrics_row", "reproduce", "words_here"]

MAX_QUOTED = 2000
REPRODUCE = "The same numbers in Python"


def finding(sentence: str) -> None:
    """The heading of a chart: what it shows, in the words and numbers of this very result.

    Args:
        sentence: plain text; nothing in it is read as Markdown.
    """
    st.header(escape_markdown(sentence), anchor=False)


def metrics_row(metrics: Sequence[tuple[str, str] | tuple[str, str, str]]) -> None:
    """Small boxes of (label, value with its unit) or (label, value, help) side by side; on a phone they wrap.

    A label that is a word of the glossary and has no help of its own gets the glossary's.
    """
    with st.container(horizontal=True, gap="small"):
        for label, value, *more in metrics:
            said = more[0] if more else explained_label(label)
            st.metric(label, value, help=said, border=True, width="content")


def words_here(*keys: str) -> None:
    """A row with words that stand on this page: each says on hover and on focus what it means, and leads to its entry.

    Nothing on a page that is drawn within another: the lesson around it has its words.

    Args:
        keys: of entries of the glossary.
    """
    if is_embedded():
        return
    target = page("words")
    with st.container(key="words_here", horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown(":small[Words on this page]", width="content")
        for key in keys:
            st.page_link(
                target.path, label=WORDS[key].word, query_params={"word_open": key}, help=explained(key),
                width="content",
            )  # fmt: skip


_FROM_FILE = 'open("text.txt", encoding="utf-8", newline="").read()'


def as_code(text: str) -> str:
    """The text as an expression in Python; a long one is read from a file, which the person saves."""
    if len(text) <= MAX_QUOTED:
        return repr(text)
    long_text.set(text)
    return _FROM_FILE


def _where_it_ran(code: str) -> str:
    """The code, which loads the model where it is run; if these pages ask a cluster, a comment says how to ask one."""
    load = re.search(r"^(\w+ = )lm\.load_engine\((.*)\)$", code, re.MULTILINE)
    if load is None or not cluster_address():
        return code
    said = (
        "# These pages ask a cluster, where this loads the model itself. To ask a cluster too:\n"
        f'# {load[1]}lm.connect_engine("ray://HOST:PORT", {load[2]})\n'
    )
    return code[: load.start()] + said + code[load.start() :]


def reproduce(code: str) -> None:
    """The lines of Python that give the numbers on this page, and the same as a notebook with the page's chart."""
    plain, url = _where_it_ran(code.strip("\n")), page_drawn.get()
    code = plain
    if _FROM_FILE in code:
        code = "# Save the text of the page as text.txt first\n" + code.lstrip("\n")
    with st.expander(REPRODUCE):
        st.code(code.strip("\n"), language="python", wrap_lines=True)
        if url:
            # The file is made when it is asked for.
            made = partial(page_notebook, url, plain, state.link_params(), long_text.get())
            st.download_button(
                "Notebook", made, f"lm-loupe-{url.replace('_', '-')}.ipynb", "application/x-ipynb+json",
                key=f"notebook_{is_embedded()}_{zlib.crc32(plain.encode())}", on_click="ignore",
                icon=":material/download:", help="A Jupyter notebook: the pinned versions, this code, and the chart.",
            )  # fmt: skip
