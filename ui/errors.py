"""What went wrong, shown once and in one way: one sentence in a red box, as plain text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from lmloupe.errors import LoupeError

__all__ = ["escape_markdown", "show_errors"]

# What Streamlit's Markdown gives a meaning to: CommonMark's punctuation, $ (maths) and : (icons, colours).
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&=^@/\"'])")


def escape_markdown(text: str) -> str:
    r"""The text with every character that Markdown gives a meaning to escaped, and on one line.

    >>> print(escape_markdown("a *b* <i>"))
    a \*b\* \<i\>
    """
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


@contextmanager
def show_errors() -> Iterator[None]:
    """Turn a ``LoupeError`` of the block into its sentence on the page; let everything else through.

    The rest of the block is skipped and the page goes on after it. An error's message may quote what a person typed
    or what a hub answered, so nothing in it is read as Markdown or HTML. (Streamlit still makes a bare web address
    clickable, and an arrow of "->"; both keep saying what they said.)
    """
    try:
        yield
    except LoupeError as error:
        st.error(escape_markdown(str(error)))
