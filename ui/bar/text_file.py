"""A text file of a person's own as the text of all pages."""

from __future__ import annotations

import codecs

import streamlit as st

import lmloupe as lm
from lmloupe.names import shown
from ui.base.uploads import file_box, show_upload_error
from ui.state import store as state
from ui.state.settings import MAX_TEXT_CHARACTERS

__all__ = ["decoded", "text_file_box"]

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
    box = f"text_file_{name}"
    with st.container(key="own_text"):
        file_box(
            box,
            label,
            lambda files: state.put(name, decoded(files[0].getvalue(), files[0].name)),
            help="Its text becomes the text of all pages. UTF-8, or UTF-16 with its mark; at most 2 million "
            "characters.",
        )
    show_upload_error(box)
