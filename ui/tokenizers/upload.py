"""Tokenizers that a person uploads: a few a session, seen by that session alone."""

from __future__ import annotations

import streamlit as st

import lmloupe as lm
from lmloupe.loading.tokenizer_file import MAX_UPLOAD_BYTES, describe_kind, load_tokenizer_file
from ui.base.errors import escape_markdown

__all__ = ["MAX_UPLOADS", "PREFIX", "uploaded_tokenizers"]

MAX_UPLOADS = 3
PREFIX = "upload:"

_KEPT, _COUNT, _ERROR = "uploads", "uploads_count", "uploads_error"


def uploaded_tokenizers() -> dict[str, lm.Tokenizer]:
    """Draw the box for uploads, and get what this session has uploaded, by name: ``upload:tokenizer.json``.

    Kept when the person goes to another page, and gone with the session. Never put one of these into a cache that
    serves all sessions: another person's file may have the same name. Links do not carry them.
    """
    kept: dict[str, lm.Tokenizer] = st.session_state.setdefault(_KEPT, {})
    count: int = st.session_state.setdefault(_COUNT, 0)
    with st.expander("Your own tokenizer.json", icon=":material/upload_file:"):
        # A new key for each file: an uploader that kept it would hand it over again at every run.
        st.file_uploader(
            "Upload a tokenizer.json, or one packed with gzip",
            type=["json", "gz"],
            max_upload_size=MAX_UPLOAD_BYTES >> 20,
            key=f"upload_{count}",
            on_change=_take,
            args=(f"upload_{count}",),
            disabled=len(kept) >= MAX_UPLOADS,
            help="Only this session sees it, and links do not carry it. Its rules run in a process of their own that "
            "is ended when it does not answer in time.",
        )
        if _ERROR in st.session_state:
            st.error(escape_markdown(st.session_state[_ERROR]))
        for name, tok in kept.items():
            said, button = st.columns([6, 1], vertical_alignment="center")
            said.caption(escape_markdown(describe_kind(tok)))
            button.button(
                "Remove", key=f"remove_{name}", on_click=_remove, args=(name,), help=f"Remove {escape_markdown(name)}"
            )
        if len(kept) >= MAX_UPLOADS:
            st.caption(f"{MAX_UPLOADS} at a time: remove one to upload another.")
    return dict(kept)


def _remove(name: str) -> None:
    st.session_state[_KEPT].pop(name, None)


def _take(key: str) -> None:
    # Runs once for a file: a refused one is not opened again at every run of the page.
    st.session_state[_COUNT] += 1
    st.session_state.pop(_ERROR, None)
    file = st.session_state[key]
    kept = st.session_state[_KEPT]
    if file is None or len(kept) >= MAX_UPLOADS:
        return
    name = PREFIX + file.name
    try:
        kept[name] = load_tokenizer_file(file.getvalue(), name)
    except lm.LoupeError as error:
        st.session_state[_ERROR] = str(error)
