"""Chat templates that a person uploads: a few a session, seen by that session alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

import lmloupe as lm
from ui.base.errors import escape_markdown
from ui.base.loaders import display_name, tokenizer
from ui.base.uploads import file_box, forget_upload_error, show_upload_error
from ui.state.uploads import uploaded

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

__all__ = ["CHOSEN", "MAX_OWN", "OwnTemplate", "choose_for_model", "own_templates"]

MAX_OWN = 3
CHOSEN = "own_template_chosen"
"""Where a session keeps the label of the uploaded template that is chosen."""
MAX_FILES = 16
_KEPT, _UPLOAD = "own_templates", "own_template"
_CUT_BY, _NAMED = "own_templates_tokenizer", "own_templates_name"
_FOR_MODEL, _MODELS_OWN = "own_for_model", "The model's own"
_BY_TOOLS = "tool_use with tools, else default"


@dataclass(frozen=True, slots=True)
class OwnTemplate:
    """An uploaded template and the family whose tokenizer cuts what it writes."""

    label: str
    templates: lm.ChatTemplates
    tokenizer: str

    def load(self) -> lm.Tokenizer:
        """The tokenizer of that family."""
        return uploaded().get(self.tokenizer) or tokenizer(self.tokenizer)


def own_templates(*, draw: bool = True) -> list[OwnTemplate]:
    """What this session has uploaded, with the box for uploads if ``draw``."""
    kept: dict[str, lm.ChatTemplates] = st.session_state.setdefault(_KEPT, {})
    if draw:
        _box(kept)
    return [_as_chosen(label, own) for label, own in kept.items()]


def choose_for_model() -> lm.ChatTemplates | None:
    """Draw the box for uploads and, where there are any, the choice between the loaded model's template and them."""
    own = {one.label: one.templates for one in own_templates()}
    if not own:
        return None
    names = [_MODELS_OWN, *own]
    known = st.session_state.get(_FOR_MODEL, _MODELS_OWN)
    chosen = st.selectbox(
        "Template", names, index=names.index(known) if known in names else 0, key="own_for_model_box",
        help="What writes the conversation as the prompt.",
    )  # fmt: skip
    st.session_state[_FOR_MODEL] = chosen
    return own.get(chosen)


def _box(kept: dict[str, lm.ChatTemplates]) -> None:
    file_box(
        _UPLOAD,
        "A chat template of your own: tokenizer_config.json, chat_template.jinja, or both",
        _take,
        accept_multiple_files=True,
        disabled=len(kept) >= MAX_OWN,
        help="It becomes a choice on every page with a template. Files chosen together belong together: the template "
        "of one, the special tokens of the other. Only this session sees them, and links do not carry them. Rendered "
        "in a separate process.",
    )
    show_upload_error(_UPLOAD)
    for label, own in kept.items():
        _choices(label, own)
    if len(kept) >= MAX_OWN:
        st.caption(f"{MAX_OWN} at a time: remove one to upload another.")


def _choices(label: str, own: lm.ChatTemplates) -> None:
    special = "those of the tokenizer" if own.special_tokens is None else ", ".join(own.special_tokens.values())
    st.caption(escape_markdown(f"{label}: {', '.join(own.templates)}. Special tokens: {special or 'none'}."))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        families = [*lm.embedded_tokenizers(), *uploaded()]
        cut_by: dict[str, str] = st.session_state.setdefault(_CUT_BY, {})
        cut_by[label] = st.selectbox(
            "Tokenizer",
            families,
            index=families.index(_cut_by(label)),
            format_func=display_name,
            key=f"own_tokenizer_{label}",
            help="Whose tokens the prompt is cut into.",
        )
        if set(own.templates) != {"default"}:
            names = [_BY_TOOLS, *own.templates]
            named: dict[str, str] = st.session_state.setdefault(_NAMED, {})
            named[label] = st.selectbox(
                "Template", names, index=names.index(named.get(label, _BY_TOOLS)), key=f"own_name_{label}"
            )
        st.button(
            "Remove",
            key=f"own_remove_{label}",
            on_click=_remove,
            args=(label,),
            help=f"Remove {escape_markdown(label)}",
        )


def _as_chosen(label: str, own: lm.ChatTemplates) -> OwnTemplate:
    named = st.session_state.get(_NAMED, {}).get(label, _BY_TOOLS)
    return OwnTemplate(label, own if named == _BY_TOOLS else own.only(named), _cut_by(label))


def _cut_by(label: str) -> str:
    known = lm.embedded_tokenizers()
    chosen: str = st.session_state.get(_CUT_BY, {}).get(label, known[0])
    return chosen if chosen in known or chosen in uploaded() else known[0]


def _remove(label: str) -> None:
    forget_upload_error(_UPLOAD)
    for kept in (_KEPT, _CUT_BY, _NAMED):
        st.session_state.get(kept, {}).pop(label, None)


def _take(files: Sequence[UploadedFile]) -> None:
    kept = st.session_state[_KEPT]
    if len(kept) >= MAX_OWN:
        return
    if len(files) > MAX_FILES:
        raise lm.UnsupportedError(f"{len(files)} files are too many: choose at most {MAX_FILES}.")
    label = " + ".join(file.name for file in files)
    try:
        kept[label] = lm.read_chat_templates({file.name: file.getvalue() for file in files}, label)
    except lm.LoupeError as error:
        if label in str(error):
            raise
        # With the file's name, so that it cannot be read as being about another file.
        raise lm.UnsupportedError(f"{label}: {error}") from error
    st.session_state[CHOSEN] = label
