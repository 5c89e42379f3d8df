"""Words of the field, each with a live example."""

from __future__ import annotations

from ui.bar.bar import page_bar
from ui.page import finding

bar = page_bar("words")
finding("This page is being built")
