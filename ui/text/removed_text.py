"""A sentence on the characters of a text that no token covers."""

from __future__ import annotations

import lmloupe as lm
from ui.base.chips import visible
from ui.base.words import counted

__all__ = ["removed_sentence"]

MAX_SHOWN = 8


def removed_sentence(enc: lm.Encoding) -> str:
    """Which characters are in no token, with their places; empty where every character is in one."""
    stretches = enc.removed.tolist()
    n = sum(end - start for start, end in stretches)
    if not n:
        return ""
    places = [place for start, end in stretches[:MAX_SHOWN] for place in range(start, min(end, start + MAX_SHOWN))]
    named = ", ".join(f"{_name(enc.text[place])} (character {place + 1})" for place in places[:MAX_SHOWN])
    more = f" and {n - MAX_SHOWN:,} more" if n > MAX_SHOWN else ""
    which = f"{counted(n, 'character')} {'is' if n == 1 else 'are'}"
    return (
        f"{which} in no token: {named}{more}. The tokenizer's rules remove such characters, or its vocabulary cannot "
        "spell them; How it splits shows each step."
    )


def _name(char: str) -> str:
    code = f"U+{ord(char):04X}"
    shown = visible(char)
    # A mark alone would be drawn on what stands before it.
    return code if code in shown or not char.isprintable() or len(char.strip()) == 0 else f"“{shown}” {code}"
