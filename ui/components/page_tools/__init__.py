"""What runs in the browser on every page: keys, the sentence of a first visit, the QR code, what paper needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ui.components import kit

__all__ = ["qr_rows", "tools"]

_HERE = Path(__file__).parent
_render = kit.component("lmloupe_page_tools", _HERE / "page_tools.js", _HERE / "page_tools.css")


def tools(page: str, look_for: str, *, present: bool, link: str | None, on_present: Callable[[], None]) -> int | None:
    """Draw what belongs to every page; most of it is not to be seen.

    Args:
        page: the page's address; the browser remembers by it that the sentence was read.
        look_for: the sentence.
        present: whether the presenter view is on.
        link: for the QR code and the print under it, in the presenter view.
        on_present: called when a person turns the presenter view on or off.

    Returns:
        1 or -1 when a person turned to the next page or the one before, else None.
    """
    data = {"page": page, "lookFor": look_for, "present": present, "link": link, "code": qr_rows(link) if link else []}
    # Another theme asks for a run: charts have the colours of the theme that they were drawn in.
    sent = _render(
        key="page_tools", data=data, on_present_change=on_present, on_turn_change=kit.nothing,
        on_theme_change=kit.nothing,
    )  # fmt: skip
    turned = kit.whole(sent, "turn")
    return turned if turned in (1, -1) else None


def qr_rows(link: str) -> list[str]:
    """The QR code (ISO/IEC 18004) of a link: a line of "0" and "1" for each row, without the quiet zone."""
    import segno  # 20 ms, for the few screens that show one

    return ["".join("01"[bit & 1] for bit in row) for row in segno.make(link, error="m", micro=False).matrix]
