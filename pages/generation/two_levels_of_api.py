"""Two levels of API: a pipeline, and the same by tokenizer and model."""

from __future__ import annotations

from ui.bar.bar import page_bar
from ui.page import finding

bar = page_bar("two_levels")
finding("This page is being built")
