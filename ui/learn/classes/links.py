"""The two links of a class: that of the students, which may stand on a wall, and the teacher's own."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

import streamlit as st

from ui.pages import page

__all__ = ["is_local", "join_link", "teacher_link"]

_LOCAL = ("localhost", "127.0.0.1", "::1", "0.0.0.0")  # noqa: S104 - compared with, nothing is bound


def join_link(code: str) -> str:
    """The link to join by; nothing else of the session is in it."""
    parts = urlsplit(st.context.url or "")
    base = f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
    # The app may be served below a path of its own.
    path = parts.path.rsplit("/", 1)[0] if parts.path else ""
    return f"{base}{path}/{page('class').url}?{urlencode({'class_code': code})}"


def teacher_link(code: str, secret: str) -> str:
    """The teacher's own link. What comes after the "#" is sent to no server, and so is in no server's log."""
    return f"{join_link(code)}#teacher={secret}"


def is_local() -> bool:
    """Whether the link begins with a name of this computer that no other knows."""
    return urlsplit(st.context.url or "").hostname in _LOCAL
