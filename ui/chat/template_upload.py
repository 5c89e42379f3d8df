"""Chat templates that a person uploads: a few a session, seen by that session alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

import lmloupe as lm
from ui.base.errors import escape_markdown
from ui.base.loaders import display_name

__all__ = ["MAX_OWN", "OwnTemplate", "own_templates"]

MAX_OWN = 3
MAX_FILES = 16
_KEPT, _COUNT, _ERROR = "own_templates", "own_templates_count", "own_templates_error"
_BY_TOOLS = "tool_use with tools, else default"


@dataclass(frozen=True, slots=True)
class OwnTemplate:
    """An uploaded template and the family whose tokenizer cuts what it writes."""

    label: str
    templates: lm.ChatTemplates
    tokenizer: str


def own_templates(families: Sequence[str]) -> list[OwnTemplate]:
    """Draw the box for uploads, and get what this session has uploaded.

    Args:
        families: tokenizers to choose from, at least one.
    """
    kept: dict[str, lm.ChatTemplates] = st.session_state.setdefault(_KEPT, {})
    count: int = st.session_state.setdefault(_COUNT, 0)
    with st.expander("A chat template of your own", icon=":material/upload_file:"):
        # A new key for each upload: an uploader that kept its files would hand them over again at every run.
        st.file_uploader(
            "Upload a tokenizer_config.json, a chat_template.jinja, or both",
            type=["json", "jinja", "jinja2", "j2", "txt"],
            accept_multiple_files=True,
            key=f"own_template_{count}",
            on_change=_take,
            args=(f"own_template_{count}",),
            disabled=len(kept) >= MAX_OWN,
            help="Files chosen together belong together: the template of one, the special tokens of the other. Only "
            "this session sees them, and links do not carry them. Rendered in a separate process.",
        )
        if _ERROR in st.session_state:
            st.error(escape_markdown(st.session_state[_ERROR]))
        found = [_choose(label, own, families) for label, own in kept.items()]
        if len(kept) >= MAX_OWN:
            st.caption(f"{MAX_OWN} at a time: remove one to upload another.")
    return found


def _choose(label: str, own: lm.ChatTemplates, families: Sequence[str]) -> OwnTemplate:
    words, which, button = st.columns([5, 4, 2], vertical_alignment="bottom")
    special = "those of the tokenizer" if own.special_tokens is None else ", ".join(own.special_tokens.values())
    words.caption(escape_markdown(f"{label}: {', '.join(own.templates)}. Special tokens: {special or 'none'}."))
    with which:
        cut_by = st.selectbox(
            "Tokenizer",
            families,
            format_func=display_name,
            key=f"own_tokenizer_{label}",
            help="Whose tokens the prompt is cut into.",
        )
        if set(own.templates) != {"default"}:
            named = st.selectbox("Template", [_BY_TOOLS, *own.templates], key=f"own_name_{label}")
            own = own if named == _BY_TOOLS else own.only(named)
    button.button(
        "Remove", key=f"own_remove_{label}", on_click=_remove, args=(label,), help=f"Remove {escape_markdown(label)}"
    )
    return OwnTemplate(label, own, cut_by)


def _remove(label: str) -> None:
    st.session_state[_KEPT].pop(label, None)


def _take(key: str) -> None:
    # Runs once for an upload: a refused one is not read again at every run of the page.
    st.session_state[_COUNT] += 1
    st.session_state.pop(_ERROR, None)
    files = st.session_state[key] or []
    kept = st.session_state[_KEPT]
    if not files or len(kept) >= MAX_OWN:
        return
    if len(files) > MAX_FILES:
        st.session_state[_ERROR] = f"{len(files)} files are too many: choose at most {MAX_FILES}."
        return
    label = " + ".join(file.name for file in files)
    try:
        kept[label] = lm.read_chat_templates({file.name: file.getvalue() for file in files}, label)
    except lm.LoupeError as error:
        st.session_state[_ERROR] = str(error)
