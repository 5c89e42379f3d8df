"""What a browser remembers of the classes that it is in, so that a reload, or a new server, loses nothing.

A student is a random id, a teacher a secret: both stay in this browser's storage and in its session on the server, and
are in no link of the app. The teacher's own link has the secret after a "#", which browsers send to no server and which
the script takes out of the address bar as soon as it has read it.
"""

from __future__ import annotations

from pathlib import Path

from ui.components import kit

__all__ = ["kept"]

_HERE = Path(__file__).parent
_render = kit.messenger("lmloupe_class_keeper", _HERE / "class_keeper.js")
KEY = "class_keeper"


def kept(code: str, *, student: str | None, teacher: str | None) -> tuple[object, object, object]:
    """Let the browser remember what the session has of a class, and get what it remembers.

    Args:
        code: of the class.
        student: the id of the student who has joined in this session.
        teacher: the secret of the teacher, found right.

    Returns:
        What the browser remembers of a student and of a teacher, and the secret of the link that it was opened by:
        trust neither their form nor that they are right.
    """
    _render(key=KEY, data={"code": code, "student": student, "teacher": teacher}, on_held_change=kit.nothing)
    held = kit.sent(KEY, "held")
    if not isinstance(held, dict) or held.get("code") != code:
        return None, None, None
    return held.get("student"), held.get("teacher"), held.get("offered")
