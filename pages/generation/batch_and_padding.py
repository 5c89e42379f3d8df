"""Batch and padding."""

from __future__ import annotations

from ui.bar.bar import page_bar
from ui.page import finding

page_bar("padding")
finding("Batch and padding")
