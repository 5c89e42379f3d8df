"""A class: everybody guesses at once, and sees what the others thought."""

from __future__ import annotations

from ui.learn.classes.view import draw_class_page

draw_class_page()
