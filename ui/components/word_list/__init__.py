"""The words of a glossary one under another: word, what it means, and its name in another language.

``word_list.js`` draws HTML with ``textContent`` alone and sends the key of a row that was pressed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ui.components import kit

__all__ = ["Row", "pressed_word", "word_list"]

_HERE = Path(__file__).parent
_render = kit.component("lmloupe_word_list", _HERE / "word_list.js", kit.DRAWING, _HERE / "word_list.css")


@dataclass(frozen=True, slots=True)
class Row:
    """One word: its key, the word, what it means, its name in the other language, and how that is read."""

    key: str
    word: str
    says: str
    term: str
    reading: str


def word_list(
    rows: Sequence[Row], *, language: tuple[str, str], opened: str, key: str, on_press: Callable[[], None] = kit.nothing
) -> None:
    """Draw the list.

    Args:
        rows: in order.
        language: code and name of the language of the terms.
        opened: key of the word that is open elsewhere on the page; empty for none.
        key: the widget's key.
        on_press: called before the run that a press asks for; `pressed_word` reads which row.
    """
    code, name = language
    data = {"rows": [asdict(row) for row in rows], "code": code, "language": name, "opened": opened}
    _render(key=key, data=data, on_pressed_change=on_press)


def pressed_word(key: str) -> str | None:
    """In ``on_press``: the key of the row. It comes from a browser: check that there is such a word."""
    pressed = kit.sent(key, "pressed")
    return pressed if isinstance(pressed, str) else None
