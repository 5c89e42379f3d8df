"""A file line by line as two tokenizers cut it, in a scroller of fixed height that draws only what is on the screen.

Nothing of a person's text ever becomes HTML: the scripts beside this file set ``textContent`` alone.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

from ui.components import kit
from ui.components.file_view.payload import Side, build_payload

__all__ = ["Sent", "Side", "build_payload", "file_view"]

_HERE = Path(__file__).parent
_render = kit.component("lmloupe_file_view", _HERE / "file_view.js", _HERE / "file_view.css")


@dataclass(frozen=True, slots=True)
class Sent:
    """What a person did in the view, for this run alone.

    Attributes:
        only_different: the new value of the switch "Only lines that differ", None where nobody turned it.
        file: name and bytes of a file that was opened or dropped.
    """

    only_different: bool | None
    file: tuple[str, bytes] | None


def file_view(payload: bytes, *, only_different: bool, key: str) -> Sent:
    """Draw a comparison.

    Args:
        payload: from `build_payload`. A run with the same content leaves the view and its scroll position as they are.
        only_different: whether lines that both cut alike are left out.
        key: the widget's key.
    """
    data = payload + bytes([only_different])
    result = _render(key=key, data=data, on_only_change=kit.nothing, on_opened_change=kit.nothing)
    only = result.get("only")
    return Sent(only if isinstance(only, bool) else None, _file(result.get("opened")))


def _file(sent: object) -> tuple[str, bytes] | None:
    # It comes from a browser: trust nothing of its form.
    if not isinstance(sent, dict) or not isinstance(sent.get("name"), str) or not isinstance(sent.get("data"), str):
        return None
    try:
        return sent["name"], base64.b64decode(sent["data"], validate=True)
    except ValueError:
        return None
