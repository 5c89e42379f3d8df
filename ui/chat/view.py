"""What the pages of rendered chats share: the prompt as files, a tokenizer without a template."""

from __future__ import annotations

import json

import streamlit as st

import lmloupe as lm
from ui.base.errors import escape_markdown
from ui.chat.templates.choice import FAMILIES, TemplateChoice, pick_template
from ui.pages import page

__all__ = ["chat_downloads", "link_to_fim", "load_or_stop", "show_no_template"]


def load_or_stop(choice: TemplateChoice) -> lm.Tokenizer:
    """The tokenizer of a choice; where it cannot be had, why, one that can, and the end of the page."""
    try:
        return choice.load()
    except lm.LoupeError as error:
        st.error(escape_markdown(str(error)))
        _offer_other()
        st.stop()


def show_no_template(choice: TemplateChoice, error: lm.NoChatTemplateError) -> None:
    """Say that a tokenizer has no chat template, and offer what there is instead."""
    # The library calls a family by its key, the pages by its name.
    st.info(escape_markdown(str(error).replace(choice.name, choice.label, 1)), icon=":material/block:")
    _offer_other()
    link_to_fim(choice)


def _offer_other() -> None:
    other = TemplateChoice(FAMILIES[0])
    st.button(f"Show {other.label}", key="other_template", on_click=pick_template, args=(other.key,))


def link_to_fim(choice: TemplateChoice) -> None:
    """For StarCoder2, the link to what it has in place of a chat template."""
    if choice.name == "starcoder2" and choice.own is None:
        st.page_link(page("fim").path, label="What it was trained for: fill in the middle", width="content")


def chat_downloads(chat: lm.RenderedChat, name: str, *, key: str) -> None:
    """Buttons for four files: the text, the ids, the loss mask, the template; each is made when it is asked for."""
    stem = name.replace("/", "-")
    files = (
        ("Text", lambda: chat.text.encode(), f"{stem}-prompt.txt", "text/plain"),
        ("Ids", lambda: json.dumps(chat.encoding.input_ids.tolist()).encode(), f"{stem}-ids.json", "application/json"),
        ("Mask", lambda: json.dumps(chat.assistant_mask.tolist()).encode(), f"{stem}-mask.json", "application/json"),
        ("Template", lambda: chat.source.encode(), f"{stem}.jinja", "text/plain"),
    )
    with st.container(horizontal=True, gap="small"):
        for label, data, file_name, mime in files:
            st.download_button(label, data, file_name, mime, icon=":material/download:", key=f"{key}_{label}")
