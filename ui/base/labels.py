"""How tokens are named in charts and tables."""

from __future__ import annotations

import lmloupe as lm
from ui.base.chips import unnamed_row

__all__ = ["token_label"]


def token_label(tok: lm.Tokenizer, token_id: int) -> str:
    """A token as a chart or a table can show it: its text with white space visible, or its bytes.

    Control characters and parts of characters have no picture of their own.
    """
    if not tok.has(token_id):
        return unnamed_row(token_id)
    raw = tok.token_bytes(token_id)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return "⟨" + raw.hex(" ") + "⟩"
    shown = text.replace(" ", "␣").replace("\n", "⏎").replace("\t", "⇥").replace("\r", "␍")
    if (
        len(shown) == 1 and "\ufe00" <= shown <= "\ufe0f"
    ):  # a variation selector by itself: printable to Python, invisible to an eye
        return f"⟨U+{ord(shown):04X}⟩"
    return "".join(char if char.isprintable() else f"⟨U+{ord(char):04X}⟩" for char in shown)
