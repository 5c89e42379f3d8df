"""Conversation."""

from __future__ import annotations

from ui.bar.bar import page_bar
from ui.page import finding

page_bar("conversation")
finding("Conversation")
