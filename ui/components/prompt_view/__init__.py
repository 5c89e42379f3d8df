"""A rendered prompt in the browser, and beside it the template that wrote it: which line made which characters.

Hover or focus a piece of the prompt and its line and its message light up; hover or focus a line and all that it
wrote does. Nothing of a person's text ever becomes HTML: the script beside this file sets ``textContent`` alone.
"""

from __future__ import annotations

from pathlib import Path

import lmloupe as lm
from ui.components import kit
from ui.components.prompt_view.payload import build_payload, known_role

__all__ = ["known_role", "prompt_view"]

_HERE = Path(__file__).parent
_render = kit.component(
    "lmloupe_prompt_view", _HERE / "prompt_view.js", _HERE / "prompt_view.css", colours=kit.role_colours()
)


def prompt_view(chat: lm.RenderedChat, *, key: str, source: bool = False, height: int | None = None) -> None:
    """Draw a prompt with its special tokens as pills, coloured by role; the generation prompt is outlined.

    Args:
        chat: what to draw.
        key: the widget's key. A run with the same key and content leaves the drawn view as it is.
        source: show the template beside it.
        height: pixels after which each side scrolls; None lets them take their room.
    """
    _render(key=key, data=build_payload(chat, source=source, height=height))
