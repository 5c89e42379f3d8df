"""Which page is being drawn in this run, and the long text that its code reads from a file."""

from __future__ import annotations

from contextvars import ContextVar

__all__ = ["long_text", "page_drawn"]

page_drawn: ContextVar[str] = ContextVar("page_drawn", default="")
"""Its address; within a lesson that of the page that the lesson shows."""
long_text: ContextVar[str] = ContextVar("long_text", default="")
"""Empty where no text is too long to be quoted."""
