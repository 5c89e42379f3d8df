"""A file line by line as two tokenizers cut it, in a scroller of fixed height that draws only what is on the screen.

Nothing of a person's text ever becomes HTML: the scripts beside this file set ``textContent`` alone.
"""

from __future__ import annotations

from pathlib import Path

from ui.components import kit
from ui.components.file_view.payload import Side, build_payload

__all__ = ["Side", "build_payload", "file_view"]

_HERE = Path(__file__).parent
_render = kit.component("lmloupe_file_view", _HERE / "file_view.js", _HERE / "file_view.css")


def file_view(payload: bytes, *, only_different: bool, key: str) -> bool | None:
    """Draw a comparison.

    Args:
        payload: from `build_payload`. A run with the same content leaves the view and its scroll position as they are.
        only_different: whether lines that both cut alike are left out.
        key: the widget's key.

    Returns:
        The new value of ``only_different`` where a person turned the switch for this run, else None.
    """
    sent = _render(key=key, data=payload + bytes([only_different]), on_only_change=kit.nothing).get("only")
    return sent if isinstance(sent, bool) else None
