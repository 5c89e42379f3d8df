"""What the pages of chat templates show, and the lesson that they are tried on."""

from __future__ import annotations

from typing import Any

from streamlit.testing.v1 import AppTest

from tests.support.pages import payload_of
from ui.chat.lessons import LESSONS

TOOLS = next(lesson for lesson in LESSONS if lesson.name == "Tools")


def prompt_of(app: AppTest) -> dict[str, Any]:
    """What the prompt view of the page has been given."""
    title = app.title[0].value
    return payload_of(app, "conversation" if title == "Chat template" else "template_lines")


def text_of(app: AppTest) -> str:
    """The prompt, put together from its pieces."""
    return "".join(piece["text"] for piece in prompt_of(app)["pieces"])
