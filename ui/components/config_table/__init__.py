"""What surprises in a quantization config, and its settings as a table of HTML: name, value, said or not, what it does.

Names and values are a person's text and go through ``textContent``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import lmloupe as lm
from ui.components import kit

__all__ = ["config_table"]

_HERE = Path(__file__).parent
_render = kit.component("lmloupe_config_table", _HERE / "config_table.js", kit.DRAWING, _HERE / "config_table.css")


def config_table(settings: Sequence[lm.ConfigSetting], warnings: Sequence[str], *, label: str, key: str) -> None:
    """Draw the table; rows that surprise are orange, rows that change nothing are quiet.

    Args:
        settings: from the top.
        warnings: sentences above the table, in orange, the weightiest first.
        label: what the table is called.
        key: the widget's key.
    """
    rows = [
        {
            "name": one.name,
            "value": one.value if one.is_read else f"{one.value} (not read)",
            "said": _said(one),
            "does": one.does,
            "kind": "odd" if one.is_surprising else "acts" if one.acts else "idle",
        }
        for one in settings
    ]
    _render(key=key, data={"rows": rows, "warnings": list(warnings), "label": label})


def _said(one: lm.ConfigSetting) -> str:
    if not one.is_said:
        return "default"
    return f"written in line {one.line}" if one.line else "written"
