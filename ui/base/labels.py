"""How tokens are named in charts and tables."""

from __future__ import annotations

import lmloupe as lm
from ui.base.chips import unnamed_row, visible

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
    if len(text) == 1 and "\ufe00" <= text <= "\ufe0f":  # a variation selector, which nobody sees
        return f"⟨U+{ord(text):04X}⟩"
    return visible(text)
