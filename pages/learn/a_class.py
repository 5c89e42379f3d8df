"""A class: everybody guesses at once."""

from __future__ import annotations

from ui.bar.bar import page_bar
from ui.page import finding

bar = page_bar("class")
finding("This page is being built")
