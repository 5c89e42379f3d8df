"""The way into a class: the box for its code, and the sheet on the wall with code, link and QR code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ui.components import kit
from ui.components.page_tools import qr_rows

__all__ = ["code_box", "copy_button", "door_sheet", "typed_code"]

_HERE = Path(__file__).parent
_render = kit.component("lmloupe_class_door", _HERE / "class_door.js", _HERE / "class_door.css")


def code_box(key: str, code: str, length: int, on_code: Callable[[], None]) -> None:
    """A box for the letters of a code; ``on_code`` is called when a person has sent them, `typed_code` has them."""
    _render(key=key, data={"kind": "enter", "code": code, "length": length}, on_code_change=on_code)


def typed_code(key: str) -> str:
    """What was typed into `code_box`; "" for nothing."""
    typed = kit.sent(key, "code")
    return typed if isinstance(typed, str) else ""


def door_sheet(key: str, code: str, link: str) -> None:
    """Code, link and QR code, to be read from the last row."""
    _render(
        key=key, data={"kind": "sheet", "code": code, "link": link, "rows": qr_rows(link)}, on_code_change=kit.nothing
    )


def copy_button(key: str, label: str, text: str) -> None:
    """A button that copies a text which stands nowhere on the screen."""
    _render(key=key, data={"kind": "copy", "label": label, "text": text}, on_code_change=kit.nothing)
