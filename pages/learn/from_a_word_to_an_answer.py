"""From a word to an answer: nine live figures on one scroll."""

from __future__ import annotations

from ui.bar.bar import page_bar
from ui.page import finding

bar = page_bar("start")
finding("This page is being built")
