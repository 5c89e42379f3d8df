"""Masked and causal: what a gap is filled with, and what each kind of model sees of it."""

from __future__ import annotations

from ui.bar.bar import page_bar
from ui.page import finding

bar = page_bar("masked")
finding("This page is being built")
