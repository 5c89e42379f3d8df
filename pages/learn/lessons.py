"""Lessons: guess first, then look."""

from __future__ import annotations

from ui.bar.bar import page_bar
from ui.learn.embedded_page import draw_page, read_address
from ui.page import finding

bar = page_bar("lessons")
finding("This page is being built")
draw_page(read_address("/tokens?text=coconut&tokenizers=llama-3.1,phi-3"), "being built")
