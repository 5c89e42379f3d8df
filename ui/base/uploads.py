"""The box for a person's own files: an upload is read once, and no word about an old one stays beside a new one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

import lmloupe as lm
from ui.base.errors import escape_markdown

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

__all__ = ["file_box", "forget_upload_error", "show_upload_error"]

# More than any file may have: the browser itself refuses none, so no error of another one stays beside it.
_LET_IN_MB = 64


def file_box(name: str, label: str, read: Callable[[Sequence[UploadedFile]], None], **options: Any) -> None:
    """Draw ``st.file_uploader``, without what went wrong; `show_upload_error` says that where the page has room.

    Args:
        name: of the box; one of a name on a page.
        label: of the box.
        read: takes what was uploaded together over, once; a `lmloupe.LoupeError` of it is the sentence for the person.
        options: of ``st.file_uploader``.
    """
    # A new key for each upload: an uploader that kept its files would hand them over again at every run.
    key = f"{name}_{st.session_state.setdefault(_count(name), 0)}"
    st.file_uploader(label, max_upload_size=_LET_IN_MB, key=key, on_change=_take, args=(name, key, read), **options)


def show_upload_error(name: str) -> bool:
    """Say why the last upload of a box was not taken, if it was not; whether there was something to say."""
    said: str | None = st.session_state.get(_error(name))
    if said is not None:
        st.error(escape_markdown(said))
    return said is not None


def forget_upload_error(name: str) -> None:
    """Say nothing more about the last upload of a box."""
    st.session_state.pop(_error(name), None)


def _take(name: str, key: str, read: Callable[[Sequence[UploadedFile]], None]) -> None:
    st.session_state[_count(name)] += 1
    forget_upload_error(name)
    held = st.session_state[key]
    files = held if isinstance(held, list) else [held] if held is not None else []
    if not files:
        return
    try:
        read(files)
    except lm.LoupeError as error:
        st.session_state[_error(name)] = str(error)


def _count(name: str) -> str:
    return f"{name}_count"


def _error(name: str) -> str:
    return f"{name}_error"
