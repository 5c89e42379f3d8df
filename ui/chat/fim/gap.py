"""A gap in a file: its two texts as boxes to edit, and beside them the order in which the model reads them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import streamlit as st

import lmloupe as lm
from ui.base.errors import escape_markdown
from ui.components.live_text import Box, sent_by
from ui.components.prompt_view import Editor, Prompt, code_pieces, messages_of, prompt_view, turns_of
from ui.state import store as state

__all__ = ["draw_files", "draw_gap"]

_HELD, _KEY = "fim_boxes", "fim_gap"
_SETTINGS = ("fim_prefix", "fim_suffix")
# The two texts borrow the colours of two roles.
_ROLES = {"prefix": "user", "suffix": "assistant"}
_TITLES = {"user": "Before the gap", "assistant": "After the gap"}
GAP = "The gap: the model is to write what is missing here."
GHOST = "The model goes on here: it writes the gap."


@dataclass(slots=True)
class _Held:
    box: Box = field(default_factory=Box)
    pushed: list[dict[str, str]] = field(default_factory=list)
    known: list[dict[str, str]] | None = None
    refused: str = ""


def draw_gap(prompt: lm.CodePrompt) -> None:
    """Draw the file and the prompt; the boxes write ``fim_prefix`` and ``fim_suffix``."""
    held: _Held = st.session_state.setdefault(_HELD, _Held())
    now = _now()
    if held.known != now:
        held.pushed, held.known, held.refused = now, now, ""
        held.box.show(json.dumps(now))
    messages = {part: i for i, part in enumerate(_ROLES)}
    drawn = Prompt(
        code_pieces(prompt, {part: (messages[part], role) for part, role in _ROLES.items()}),
        ghost=GHOST,
        foot=[_foot(prompt)],
    )
    editor = Editor("fim", held.box.push, held.box.seen, turns_of(held.pushed), titles=_TITLES, between=GAP)
    prompt_view(drawn, key=_KEY, editor=editor, on_edit=_collect)
    if held.refused:
        st.error(
            escape_markdown(f"The last change was not taken over: {held.refused}. The prompt shows the one before.")
        )


def draw_files(prompt: lm.CodePrompt) -> None:
    """Draw a prompt of several files, each in the colour of every other one."""
    pieces = code_pieces(prompt, {}, by_file=("user", "assistant"))
    prompt_view(Prompt(pieces, ghost="The model goes on here.", foot=[_foot(prompt)]), key="fim_files")


def _foot(prompt: lm.CodePrompt) -> str:
    n = len(prompt.encoding)
    n_special = int(prompt.encoding.special_tokens_mask.sum())
    return f"{n:,} tokens, {n_special:,} of them special."


def _now() -> list[dict[str, str]]:
    return [{"role": role, "content": state.get(name)} for role, name in zip(_TITLES, _SETTINGS, strict=True)]


def _collect() -> None:
    held: _Held = st.session_state[_HELD]
    text = held.box.receive(sent_by(_KEY))
    if text is None:
        return
    try:
        texts = [message["content"] for message in messages_of(text, held.pushed)]
        for name, content in zip(_SETTINGS, texts, strict=True):
            state.put(name, content)
    except ValueError as error:
        held.refused = str(error)  # what was typed stays in its box
        return
    held.known, held.refused = _now(), ""
