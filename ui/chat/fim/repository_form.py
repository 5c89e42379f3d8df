"""Edit the files of a repository in a form; the shared setting ``repository_files`` holds them."""

from __future__ import annotations

from typing import Any

import streamlit as st

from ui.base.errors import escape_markdown
from ui.state import store as state
from ui.state.drafts import commit, draft

__all__ = ["edit_files"]

Files = list[dict[str, str]]


def edit_files() -> Files:
    """One row for each file, with its path and text; buttons add and remove files. The model continues the last."""
    shown = draft("repository_files")
    files: Files = state.get("repository_files")
    for i, file in enumerate(files):
        key = f"file_{shown.version}_{i}"
        changed: dict[str, Any] = {"on_change": _collect, "args": (shown.version,)}
        path_column, button_column = st.columns([10, 1], vertical_alignment="bottom")
        path_column.text_input(f"Path of file {i + 1}", file["path"], key=f"{key}_path", **changed)
        button_column.button(
            "",
            icon=":material/delete:",
            key=f"{key}_delete",
            help=f"Remove file {i + 1}",
            type="tertiary",
            disabled=len(files) == 1,
            on_click=_delete,
            args=(i,),
        )
        st.text_area(
            f"Text of file {i + 1}", file["text"], height=90, key=f"{key}_text", label_visibility="collapsed", **changed
        )
    if shown.refused:
        st.error(escape_markdown(f"The last change of the files was not taken over: {shown.refused}."))
    st.button("Add a file", icon=":material/add:", on_click=_add)
    return files


def _held() -> Files:
    version = draft("repository_files").version
    files: Files = state.get("repository_files")
    for i, file in enumerate(files):
        for part in ("path", "text"):
            file[part] = st.session_state.get(f"file_{version}_{i}_{part}", file[part])
    return files


def _collect(version: int) -> None:
    if version == draft("repository_files").version:
        commit("repository_files", _held())


def _add() -> None:
    files = _held()
    commit("repository_files", [*files, {"path": f"file_{len(files) + 1}.py", "text": ""}], renew=True)


def _delete(i: int) -> None:
    files = _held()
    commit("repository_files", files[:i] + files[i + 1 :], renew=True)
