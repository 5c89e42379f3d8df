"""The one string that a model reads, and beside it the conversation that it is made of, or the template that wrote it.

Hover or focus a bubble and its stretch of the string lights up; a piece of the prompt and its line of the template; a
line and all that it wrote. Nothing of a person's text ever becomes HTML: the scripts set ``textContent`` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import streamlit as st

from ui.components import kit
from ui.components.prompt_view.payload import (
    LAYERS,
    Layer,
    Lost,
    Prompt,
    Tab,
    build_payload,
    chat_pieces,
    code_pieces,
    known_role,
)
from ui.components.prompt_view.turns import messages_of, turns_of

__all__ = [
    "LAYERS",
    "Editor",
    "Layer",
    "Lost",
    "Prompt",
    "Tab",
    "chat_pieces",
    "code_pieces",
    "known_role",
    "messages_of",
    "prompt_view",
    "sent_by",
    "turns_of",
]

_HERE = Path(__file__).parent
_STYLES = (_HERE / "prompt_view.css", _HERE / "bubbles.css")
_render = kit.component("lmloupe_prompt_view", _HERE / "prompt_view.js", *_STYLES, colours=kit.role_colours())


@dataclass(frozen=True, slots=True)
class Editor:
    """Turns that are edited beside the prompt; the rules of ``push`` and ``seen`` are those of `live_text.Box`.

    Attributes:
        name: what is edited; one name, one conversation.
        push: name of the newest push.
        seen: the last edit that the server knew then.
        turns: of that push, from `turns_of`.
        roles: to choose from.
        titles: in place of a choice of role, for texts that are not turns.
        between: what stands between the first text and the second.
        tools: what the model may call.
    """

    name: str
    push: str
    seen: int
    turns: list[dict[str, Any]]
    roles: tuple[str, ...] = ()
    titles: Mapping[str, str] | None = None
    between: str = ""
    tools: list[str] = field(default_factory=list)


def sent_by(key: str, name: str) -> object:
    """What the view with this key has sent under ``name`` for this run; None if nothing."""
    sent = st.session_state.get(key)
    return sent.get(name) if isinstance(sent, dict) else None


def prompt_view(
    prompt: Prompt,
    *,
    key: str,
    source: str | None = None,
    first: int | None = None,
    hint: str = "",
    editor: Editor | None = None,
    on_edit: Callable[[], None] = kit.nothing,
    on_family: Callable[[], None] = kit.nothing,
    on_layer: Callable[[], None] = kit.nothing,
) -> None:
    """Draw a prompt with its special tokens as pills, coloured by role; the request for a reply is underlined.

    What is sent is in ``st.session_state[key]``: ``edit`` for `live_text.Box`, ``family`` and ``layer`` for one run.

    Args:
        prompt: what to draw.
        key: the widget's key. A run with the same key and content leaves the drawn view as it is.
        source: the template to draw beside it.
        first: the piece that is lit at first, with ``source``.
        hint: what to do, and what is lit, with ``source``.
        editor: the conversation to draw beside it.
        on_edit: called before the run that an edit asks for.
        on_family: likewise, for the press of a family.
        on_layer: likewise, for the press of a layer.
    """
    shown = None
    if editor is not None:
        names = ("name", "push", "seen", "turns", "roles", "between", "tools")
        shown = {name: getattr(editor, name) for name in names}
        shown["titles"] = None if editor.titles is None else dict(editor.titles)
    data = build_payload(prompt, source=source, first=first, hint=hint) | {"editor": shown}
    _render(key=key, data=data, on_edit_change=on_edit, on_family_change=on_family, on_layer_change=on_layer)
