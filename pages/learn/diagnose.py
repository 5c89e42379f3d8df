"""Diagnose: what an error, a warning, a prompt or a config means."""

from __future__ import annotations

from ui.bar.bar import page_bar
from ui.page import finding

bar = page_bar("diagnose")
finding("This page is being built")
