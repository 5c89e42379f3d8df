"""A text file of a person's own as the text of all pages."""

from __future__ import annotations

import codecs

import streamlit as st

import lmloupe as lm
from lmloupe.names import shown
from ui.base.errors import escape_markdown
from ui.state import store as state
from ui.state.settings import MAX_TEXT_CHARACTERS

__all__ = ["decoded", "text_file_box"]

# More than any text may have: the browser itself refuses no file, so no error of another one stays beside it.
_LET_IN_MB = 64
_COUNT, _ERROR = "text_files_count", "text_files_error"
_SAVE = "save it as UTF-8"


def decoded(data: bytes, name: str) -> str:
    r"""The text of a file, its line ends as they are: UTF-8, or UTF-16 that begins with its mark.

    Raises:
        lmloupe.InvalidTextError: anything else, or more than two million characters.

    >>> decoded("\ufeffé\r\n".encode(), "a.txt"), decoded("é".encode("utf-16"), "a.txt")
    ('é\r\n', 'é')
    """
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise lm.InvalidTextError(f"{shown(name)} is UTF-32 text: {_SAVE}.")
    utf_16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if utf_16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        kind = "UTF-16" if utf_16 else "UTF-8"
        raise lm.InvalidTextError(
            f"{shown(name)} is not {kind} text (at byte {error.start + 1:,}): if it is text, {_SAVE}."
        ) from error
    if "\0" in text:
        raise lm.InvalidTextError(f"{shown(name)} has zero bytes, so it is not UTF-8 text: if it is text, {_SAVE}.")
    if len(text) > MAX_TEXT_CHARACTERS:
        raise lm.InvalidTextError(
            f"{shown(name)} has {len(text):,} characters; at most {MAX_TEXT_CHARACTERS:,} fit: open a part of it."
        )
    return text


def text_file_box(name: str = "text", label: str = "Open a text file") -> None:
    """Draw the box for a file whose text becomes the value of a shared text.

    Args:
        name: the setting.
        label: of the box.
    """
    count: int = st.session_state.setdefault(_COUNT, 0)
    key = f"text_file_{name}_{count}"
    # A new key for each file: a box that kept it would go on showing a file whose text has been changed since.
    st.container(key="own_text").file_uploader(
        label,
        max_upload_size=_LET_IN_MB,
        key=key,
        on_change=_take,
        args=(key, name),
        help="Its text becomes the text of all pages. UTF-8, or UTF-16 with its mark; at most 2 million characters.",
    )
    if _ERROR in st.session_state:
        st.error(escape_markdown(st.session_state[_ERROR]))


def _take(key: str, name: str) -> None:
    st.session_state[_COUNT] += 1
    st.session_state.pop(_ERROR, None)
    file = st.session_state[key]
    if file is None:
        return
    try:
        state.put(name, decoded(file.getvalue(), file.name))
    except lm.LoupeError as error:
        st.session_state[_ERROR] = str(error)
