"""What the model goes on from, chosen alike on every page that has it write."""

from __future__ import annotations

from ui.state import store as state
from ui.state.settings import SETTINGS

__all__ = ["choose_prompt"]

_LABELS = {"question": "A question", "chat": "Chat", "text": "Text"}
_MEANS = {
    "question": "a question in its chat format",
    "chat": "the conversation of Chat template",
    "text": "the text as it is",
}


def choose_prompt(name: str) -> str:
    """Draw the choice of a setting among the prompts that it offers: ``"question"``, ``"chat"`` or ``"text"``."""
    *first, last = (_MEANS[option] for option in SETTINGS[name].options)
    chosen: str = state.segmented(
        name, "Prompt", format_func=_LABELS.__getitem__, label_visibility="collapsed",
        help=f"What the model goes on from: {', '.join(first)}, or {last}.",
    )  # fmt: skip
    return chosen
