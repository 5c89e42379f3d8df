"""Tokenizers that a person uploads: a few a session, seen by that session alone, a choice on every page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

import lmloupe as lm
from lmloupe.loading.tokenizer_file import describe_kind, load_tokenizer_file
from ui.base.errors import escape_markdown
from ui.base.uploads import file_box, show_upload_error
from ui.state import store as state
from ui.state.names import MAX_TOKENIZERS, UPLOAD
from ui.state.settings import SETTINGS
from ui.state.uploads import uploaded

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

__all__ = ["MAX_UPLOADS", "PREFIX", "upload_box"]

MAX_UPLOADS = 3
PREFIX = UPLOAD

_BOX = "upload"
# What a browser calls the second one of a name: "tokenizer_config (1).json".
_BESIDE = re.compile(r"(tokenizer_config|special_tokens_map|chat_template).*\.json|.*\.(jinja2?|j2)", re.IGNORECASE)


def upload_box(chosen_by: str) -> None:
    """Draw the box for uploads, and what this session has uploaded.

    Args:
        chosen_by: the setting that takes a new upload as its value, or as one more of its values.
    """
    kept = uploaded()
    with st.container(key="own_tokenizer"):
        file_box(
            _BOX,
            "Your own tokenizer.json",
            lambda files: _read(files, chosen_by),
            accept_multiple_files=True,
            disabled=len(kept) >= MAX_UPLOADS,
            help="A tokenizer.json of at most 10 MB, or one packed with gzip; choose its tokenizer_config.json with "
            "it. Only this session sees it, and links do not carry it. Its rules run in a process of their own that is "
            "ended when it does not answer in time.",
        )
    show_upload_error(_BOX)
    for name, tok in kept.items():
        said, button = st.columns([4, 1], vertical_alignment="center")
        said.caption(escape_markdown(describe_kind(tok)))
        button.button(
            "Remove", key=f"remove_{name}", on_click=_remove, args=(name,), help=f"Remove {escape_markdown(name)}"
        )
    if len(kept) >= MAX_UPLOADS:
        st.caption(f"{MAX_UPLOADS} at a time: remove one to upload another.")


def _remove(name: str) -> None:
    uploaded().pop(name, None)
    for setting in SETTINGS.values():
        if not setting.names_tokenizers:
            continue
        value = state.get(setting.name)
        if value == name:
            state.put(setting.name, setting.default)
        elif isinstance(value, tuple) and name in value:
            state.put(setting.name, tuple(one for one in value if one != name) or setting.default)


def _read(files: Sequence[UploadedFile], chosen_by: str) -> None:
    beside = {file.name: file.getvalue() for file in files if _BESIDE.fullmatch(file.name)}
    tokenizers = [file for file in files if file.name not in beside]
    if beside and len(tokenizers) != 1:
        n = "no tokenizer.json" if not tokenizers else f"{len(tokenizers)} tokenizers"
        raise lm.UnsupportedError(
            f"{' and '.join(sorted(beside))} came with {n}: choose one tokenizer.json and the files beside it together."
        )
    for file in tokenizers:
        name = _name(file.name)
        if len(uploaded()) >= MAX_UPLOADS and name not in uploaded():
            raise lm.UnsupportedError(f"{MAX_UPLOADS} uploads at a time: remove one to upload another.")
        uploaded()[name] = load_tokenizer_file(file.getvalue(), name, beside=beside)
        _choose(name, chosen_by)


def _name(file: str) -> str:
    # A comma parts the names of several tokenizers in a link.
    return PREFIX + "".join(char if char.isprintable() and char != "," else "_" for char in file)[-120:]


def _choose(name: str, setting: str) -> None:
    value = state.get(setting)
    if not isinstance(value, tuple):
        state.put(setting, name)
    elif name not in value and len(value) < MAX_TOKENIZERS:
        state.put(setting, (*value, name))
