"""Figure 5: a chat as the one string that a model reads."""

from __future__ import annotations

from typing import Any

import streamlit as st

import lmloupe as lm
from ui.base.loaders import BY_TOKENIZER, display_name, encoding, tokenizer
from ui.base.words import counted
from ui.components.prompt_view import Prompt, chat_pieces, prompt_view
from ui.learn.door.figure import Figure
from ui.learn.door.words import LLAMA, covered, said, some
from ui.state import store as state
from ui.state.settings import SETTINGS

__all__ = ["chat_figure", "one_message", "rendered"]

MESSAGE = str(SETTINGS["door_message"].default)
_CHOICES = ("at most 10", "11 to 20", "21 to 30", "more than 30")


def one_message(text: str) -> list[dict[str, Any]]:
    """A conversation of one question."""
    return [{"role": "user", "content": text}]


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=BY_TOKENIZER)
def rendered(tok: lm.Tokenizer, text: str) -> lm.RenderedChat:
    """The prompt of one question, with the request for a reply."""
    return lm.render_chat(tok, one_message(text), add_generation_prompt=True)


def _answer() -> str:
    n = len(rendered(tokenizer(LLAMA), MESSAGE).encoding)
    return _CHOICES[sum(n > most for most in (10, 20, 30))]


def _show() -> None:
    family, message = state.get("door_family"), some(state.get("door_message"))
    tok = tokenizer(family)
    chat = rendered(tok, message)
    n, own = len(chat.encoding), len(encoding(tok, message, False, False))
    said(f"{display_name(family)} reads {counted(n, 'token')}; the question by itself is {own:,}")
    prompt_view(Prompt(chat_pieces(chat), chat.encoding, "roles"), key="door_prompt_view")


def _control() -> None:
    state.segmented("door_family", "Family", format_func=display_name, label_visibility="collapsed", choices=FAMILIES)
    state.text_input("door_message", "Question", label_visibility="collapsed")


FAMILIES = ("llama-3.1", "phi-3", "qwen2", "smollm2")
"""Those that have a chat format; StarCoder2 is a base model."""


def _way() -> tuple[str, dict[str, object]]:
    values = {
        "messages": one_message(state.get("door_message")), "template_of": state.get("door_family"), "tools": "",
        "chat_layer": "roles", "add_generation_prompt": True, "continue_final_message": False, "variables": "",
        "date_string": "", "lesson": "",
    }  # fmt: skip
    return "chat", values


def _code() -> str:
    return f"""
import lmloupe as lm

tok = lm.load_tokenizer({state.get("door_family")!r})
chat = lm.render_chat(tok, {one_message(state.get("door_message"))!r}, add_generation_prompt=True)
print(len(chat.encoding))
print(chat.text)
"""


def chat_figure() -> Figure:
    """The figure."""
    return Figure(
        "chat",
        "A chat is one string",
        "A model has no messages and no turns: a *chat template* writes the whole conversation as one text, with "
        "special tokens between the turns.",
        f"How many tokens does Llama 3.1 read when somebody asks “{MESSAGE}”?",
        _CHOICES,
        _answer,
        lambda: covered(MESSAGE),
        _show,
        "choose another family. Which one adds a system turn that nobody wrote?",
        _control,
        _way,
        _code,
    )
